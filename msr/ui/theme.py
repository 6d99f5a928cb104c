"""Colours and fonts: one palette for Gradio's components and for our own style sheets."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from gradio.themes.utils.colors import Color

from msr.render import report

STYLES = [
    Path(__file__).parent / "style" / f"{part}.css"
    for part in ("base", "recommend", "run", "inspect", "review", "evaluate", "slides")
] + [report.FIGURE_STYLE]

# name: (light, dark). Each becomes the CSS variable --ms-name. Numbers are green, words of the model are plum,
# what counts against is rust; text on its ground has a contrast of at least 4.5.
PALETTE = {
    "paper": ("#f5f6f3", "#101413"),
    "surface": ("#ffffff", "#181d1c"),
    "sunken": ("#eceeea", "#202726"),
    "line": ("#dadfd8", "#2d3634"),
    "strong": ("#8b958f", "#66726e"),
    "ink": ("#17201d", "#eaf0ed"),
    "soft": ("#55605b", "#a3b0ab"),
    "green": ("#0c6b54", "#5fcfae"),
    "green-wash": ("#e2f1ec", "#17322b"),
    "on-green": ("#ffffff", "#06241c"),
    "plum": ("#74398a", "#d3a5e6"),
    "plum-wash": ("#f5ecf8", "#2e2135"),
    "rust": ("#b4481a", "#f0905f"),
    "rust-wash": ("#fbeee7", "#38241a"),
    "shade": ("rgba(23, 32, 29, .07)", "rgba(0, 0, 0, .35)"),
}

_GREEN = Color(
    "#e9f5f1", "#d0eae1", "#a6d6c7", "#73bda6", "#3f9c82", "#1d7f66",
    "#0c6b54", "#0a5745", "#094638", "#08392f", "#04211b", "studio_green",
)  # fmt: skip
_STONE = Color(
    "#fafbf9", "#f5f6f3", "#eceeea", "#dadfd8", "#8b958f", "#66726e",
    "#55605b", "#3a4541", "#202726", "#181d1c", "#101413", "studio_stone",
)  # fmt: skip

# Gradio's components in our colours; the variables turn with the mode, so both modes read the same.
_COMPONENTS = {
    "body_background_fill": "*ms_paper",
    "body_text_color": "*ms_ink",
    "body_text_color_subdued": "*ms_soft",
    "background_fill_primary": "*ms_surface",
    "background_fill_secondary": "*ms_sunken",
    "border_color_primary": "*ms_line",
    "border_color_accent": "*ms_green",
    "color_accent": "*ms_green",
    "block_background_fill": "transparent",
    "block_border_width": "0px",
    "block_shadow": "none",
    "block_padding": "0px",
    "block_label_background_fill": "transparent",
    "block_label_text_color": "*ms_soft",
    "block_title_text_color": "*ms_ink",
    "block_info_text_color": "*ms_soft",
    "input_background_fill": "*ms_surface",
    "input_border_color": "*ms_strong",
    "input_border_color_focus": "*ms_green",
    "input_placeholder_color": "*ms_soft",
    "input_border_width": "1px",
    "slider_color": "*ms_green",
    "button_primary_background_fill": "*ms_green",
    "button_primary_background_fill_hover": "*ms_green",
    "button_primary_text_color": "*ms_on_green",
    "button_primary_border_color": "transparent",
    "button_secondary_background_fill": "transparent",
    "button_secondary_background_fill_hover": "*ms_sunken",
    "button_secondary_text_color": "*ms_ink",
    "button_secondary_border_color": "*ms_strong",
    "button_border_width": "1px",
    "shadow_drop": "none",
    "shadow_drop_lg": "none",
}


# Gradio's medium sizes in rem, so that labels and choices grow with the page on a large screen.
_TEXT = gr.themes.sizes.Size(
    name="text_rem",
    xxs="0.5625rem", xs="0.625rem", sm="0.75rem", md="0.875rem", lg="1rem", xl="1.375rem", xxl="1.625rem",
)  # fmt: skip


def build_theme() -> gr.themes.Base:
    """The theme; its fonts come with Gradio (complete only in these weights), none from the network."""
    theme = gr.themes.Base(
        primary_hue=_GREEN,
        secondary_hue=_GREEN,
        neutral_hue=_STONE,
        radius_size=gr.themes.sizes.radius_md,
        text_size=_TEXT,
        font=[gr.themes.LocalFont("IBM Plex Sans", weights=(400, 700)), "system-ui", "sans-serif"],
        font_mono=[gr.themes.LocalFont("IBM Plex Mono", weights=(400, 700)), "ui-monospace", "monospace"],
    )
    for name, (light, dark) in PALETTE.items():
        variable = f"ms_{name.replace('-', '_')}"
        setattr(theme, variable, light)
        setattr(theme, f"{variable}_dark", dark)
    return theme.set(
        **_COMPONENTS,
        **{f"{name}_dark": value for name, value in _COMPONENTS.items() if hasattr(theme, f"{name}_dark")},
    )
