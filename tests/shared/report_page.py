"""What a person does with a page over results, and reads from it."""

import json

HERE = "document.querySelector"


def choose(browser, control, value):
    """As a person would: the control changes, and the page draws."""
    browser.js(
        f"(() => {{ const own = document.getElementById('{control}');"
        f"own.value = {json.dumps(value)};"
        "own.dispatchEvent(new Event('change', { bubbles: true })); })()"
    )
    ready(browser)


def ready(browser):
    browser.wait("document.documentElement.dataset.ready === 'true'")


def rows(browser, name):
    """The rows of a table on the screen: a number as its cell holds it, else the text."""
    return browser.js(
        f"[...{HERE}('#{name}-table tbody').rows].map((row) => [...row.cells].map((cell) => "
        "cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value)))"
    )


def heads(browser, name):
    return browser.js(
        f"[...document.querySelectorAll('#{name}-table thead th')].map((head) => head.dataset.key)"
    )


def records(browser, name):
    keys = heads(browser, name)
    return [dict(zip(keys, row, strict=True)) for row in rows(browser, name)]


def click(browser, selector):
    assert browser.js(f"{HERE}({json.dumps(selector)}).click() === undefined")


def write_filter(browser, name, words):
    browser.js(
        f"(() => {{ const own = {HERE}('#{name}-table input'); own.value = {json.dumps(words)};"
        "own.dispatchEvent(new Event('input')); })()"
    )


def place_of(browser, selector):
    """The middle of an element, once it is on the screen."""
    browser.js(f"{HERE}({json.dumps(selector)}).scrollIntoView({{ block: 'center' }})")
    return browser.js(
        f"(() => {{ const box = {HERE}({json.dumps(selector)}).getBoundingClientRect();"
        "return [box.x + box.width / 2, box.y + box.height / 2]; })()"
    )
