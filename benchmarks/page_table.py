"""A table in a page of docs/, between marks that name it."""


def with_table(page: str, name: str, made: str) -> str:
    """Return the page with the table between its marks of this name."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end {name} -->\n"
    head, _, rest = page.partition(begin)
    assert end in rest, f"the page has no marks of {name}"
    return f"{head}{begin}{made}{end}{rest.partition(end)[2]}"
