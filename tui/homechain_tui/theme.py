"""The dashboard's colours. They repeat what words and marks already say."""

from typing import Final

from textual.theme import Theme

DUSK: Final = Theme(
    name="dusk",
    primary="#4fa8a0",
    secondary="#7a8fb8",
    accent="#d9b36c",
    warning="#e0a458",
    error="#d9655b",
    success="#7fbf7b",
    foreground="#dfe3e6",
    background="#14181c",
    surface="#1b2127",
    panel="#252d35",
    boost="#2b343d",
    dark=True,
    variables={"footer-key-foreground": "#d9b36c", "footer-background": "#1b2127"},
)
"""Dark, warm, quiet; alarms stand out."""
