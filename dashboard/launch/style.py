"""The style sheet of the launch form."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from dashboard.launch.fields import SECTION_TITLES, specs

SHORT_TITLE = 17  # letters at most, beside which a neighbor has room
_PAIRS = (
    "display: grid; align-items: start; gap: 16px 12px; "
    "grid-template-columns: repeat(auto-fill, minmax(max({width}px, 34%), 1fr));"
)
WIDE = 1900  # pixels of the window from which Start and the command stand beside the form


def style(wrong: Collection[str], *, background: str) -> str:
    """Numbers stand in pairs, text fields that are wrong have red frames, Start stays in sight.

    Args:
        wrong: names of fields.
        background: color of the page, #rrggbb.
    """
    numbers = [spec for spec in specs() if spec.kind in ("integer", "number")]
    short = [spec.name for spec in numbers if len(spec.title) <= SHORT_TITLE]
    frames = [f".st-key-field_{name} [data-testid=stTextInputRootElement]" for name in wrong]
    both, main, more = _grids("main", "more"), _grids("main"), _grids("more")
    bar = "div:has(> .st-key-launch_start_bar)"
    return f"""<style>
{main} {{ {_PAIRS.format(width=100)} }}
{more} {{ {_PAIRS.format(width=130)} }}
{both} > {_all_but(spec.name for spec in numbers)} {{ grid-column: 1 / -1; }}
{", ".join(frames) or ".none"} {{ border-color: #d94a57; }}
.st-key-launch_memory {{ position: absolute; }}
.st-key-launch_sweep {{ scroll-margin-bottom: 130px; }}
{bar} {{ position: sticky; bottom: 0; z-index: 10; }}
.st-key-launch_start_bar {{
  padding: 12px 0; background: {background};
  border-top: 1px solid color-mix(in srgb, currentColor 15%, transparent);
}}
@media (max-width: {WIDE - 1}px) {{
  {both} > {_all_but(short)} {{ grid-column: 1 / -1; }}
}}
[class*="st-key-field_"] [data-testid=stMarkdown] p {{ line-height: 1.4; }}
@media (max-width: 1200px) {{ {main} label p {{ font-size: 12px; }} }}
@media (min-width: {WIDE}px) {{
  .st-key-launch_body {{
    display: grid; grid-template-columns: minmax(0, 1920px) minmax(380px, 520px); gap: 24px 40px;
    grid-template-rows: auto 1fr;
  }}
  .st-key-launch_body > :first-child {{ grid-row: 1 / 3; }}
  {bar} {{ top: 4rem; bottom: auto; align-self: start; }}
  .st-key-launch_start_bar {{ border-top: 0; padding-top: 0; }}
}}
</style>"""


def _grids(*parts: str) -> str:
    """The selector of the sections' fields in those parts of the form."""
    keys = (f".st-key-{part}_{name}" for part in parts for name in SECTION_TITLES)
    return f":is({', '.join(keys)})"


def _all_but(names: Iterable[str]) -> str:
    """The selector of the fields that are none of these."""
    return "".join(f":not(:has(> .st-key-field_{name}))" for name in names)
