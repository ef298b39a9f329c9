"""The library that draws the figures of a page: Vega, Vega-Lite and Vega-Embed as one script.

The package vl-convert-python (BSD-3-Clause, as the three are) brings their source and bundles it;
the extra `report` installs it. Nothing is fetched, neither now nor when the page is opened.
"""

VEGA_LITE = "6.4"
"""The version of Vega-Lite; those of Vega and Vega-Embed go with it."""
GIVES = "window.vegaEmbed = vegaEmbed;"
MISSING = "vl-convert-python is not installed: pip install 'archsim[report]'"
BREAKS_OUT = ("</script", "<!--")
"""What would end a script of a page, or what stands in it, before its end (HTML, 13.2.5)."""


def version() -> str:
    """The version of the package.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    import vl_convert

    return str(vars(vl_convert)["__version__"])  # its stub has no such name


def script() -> str:
    """The source of a module that sets `window.vegaEmbed`; about 0.9 MB, made in seconds.

    Raises:
        ModuleNotFoundError: the package is not installed.
        ValueError: it does not have this version of Vega-Lite, or its source cannot stand in a
            page.
    """
    import vl_convert

    source = vl_convert.javascript_bundle(GIVES, VEGA_LITE)
    if broken := [text for text in BREAKS_OUT if text in source.lower()]:
        raise ValueError(f"the source of Vega-Lite {VEGA_LITE} has {broken[0]!r} in it")
    return source
