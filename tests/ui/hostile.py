"""Titles that try something."""

from __future__ import annotations

TEMPLATE = "${alert(1)} `${alert(2)}` C:\\users {{value}} {{#each value}}"
MARKUP = "<img src=x onerror=alert(1)><script>alert(2)</script>\"' onfocus=alert(3) autofocus x='"
TURNED = "\u202egnp.exe\u202c \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627"
LONG = "x" * 10_000
ALL = (TEMPLATE, MARKUP, TURNED, LONG)
