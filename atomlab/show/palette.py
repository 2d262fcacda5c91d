"""Every colour, by what it says: on a light page, on a dark one, and in a terminal."""

from __future__ import annotations

from atomlab.verdicts import tone

# For each name the colour on a light page, and on a dark one. A `-wash` is the ground of a badge;
# the shares fill a figure's cells: up to a quarter, up to a half, less than all, all.
COLOURS = {
    "paper": ("#ffffff", "#14191f"),
    "wash": ("#f4f6f8", "#1d242c"),
    "line": ("#d8dfe5", "#37424d"),
    "ink": ("#1c2733", "#e6ebf0"),
    "muted": ("#55616d", "#a5b1bd"),
    "good": ("#14633f", "#7fd6a8"),
    "good-wash": ("#e2f3ea", "#153527"),
    "bad": ("#9b1c14", "#ff9d94"),
    "bad-wash": ("#fce8e6", "#42191a"),
    "open": ("#7a4a00", "#f3c471"),
    "open-wash": ("#fdf0d9", "#3d2c0d"),
    "link": ("#0b5394", "#8ec1ff"),
    "share-1": ("#fbead0", "#33270f"),
    "share-2": ("#f3cf94", "#5c4315"),
    "share-3": ("#b05c18", "#d08a3c"),
    "share-4": ("#7c2d12", "#ffd08a"),
}
LIGHT = {name: light for name, (light, _) in COLOURS.items()}
DARK = dict(COLOURS.values())  # what each becomes on a dark page
TERMINAL = {"good": "green", "bad": "red", "open": "yellow", "plain": "dim"}


def terminal_colour(word: str) -> str:
    """Return a terminal's colour for a word that carries a status, a verdict or a state."""
    return TERMINAL[tone(word)]


def css_variables(element: str = ":root", dark: str = "") -> str:
    """Return the colours as CSS variables of an element, and what they are where it is dark.

    That is what the selector `dark` selects, else a dark screen: paper is light.
    """
    on_light, on_dark = (
        " ".join(f"--{name}: {pair[scheme]};" for name, pair in COLOURS.items())
        for scheme in (0, 1)
    )
    if dark:
        return f"{element} {{ {on_light} }}\n{dark} {{ color-scheme: dark; {on_dark} }}\n"
    screen = f"@media screen and (prefers-color-scheme: dark) {{\n  {element} {{ {on_dark} }}\n}}\n"
    return f"{element} {{ color-scheme: light dark; {on_light} }}\n{screen}"
