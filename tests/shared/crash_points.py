"""Kill a process after the N-th thing that it does to a folder, as an operator would.

The work runs in a forked child, in which the calls that change what a folder holds count; after the
N-th one the child kills itself with a signal that it cannot catch.
"""

import os
import signal
import traceback

COUNTED = ("mkdir", "fsync", "replace", "rename", "unlink")


def killed_after(count, work):
    """Run `work` in a child killed after `count` calls; whether it was, else it came to its end."""
    child = os.fork()
    if child == 0:
        _child(count, work)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, "the child failed; its traceback stands above"
    return False


def kill_after(count):
    """Have this process kill itself after `count` such calls."""
    left = count

    def counted(call):
        def done(*args, **kwargs):
            nonlocal left
            try:
                return call(*args, **kwargs)
            finally:
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        return done

    for name in COUNTED:
        setattr(os, name, counted(getattr(os, name)))


def _child(count, work):
    """Never returns."""
    status = 1
    try:
        kill_after(count)
        work()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)
