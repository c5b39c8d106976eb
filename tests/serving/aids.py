"""How an open page is used and looked at: by Tab alone, with axe, at its width, on paper."""

import json
import re
import subprocess
from pathlib import Path

AIDED = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
A4 = (595, 842)  # points
WIDER = """() => {
  const room = document.documentElement.clientWidth;
  const over = [...document.body.querySelectorAll("*")].filter((one) => {
    const held = one.parentElement.closest(".wide, svg, .skip");
    return !held && !one.matches(".skip") && one.getBoundingClientRect().right > room + 1;
  });
  const whole = document.scrollingElement.scrollWidth;
  return whole <= innerWidth ? [] : [`${whole} px`, ...over.map((one) => one.outerHTML.slice(0, 90))];
}"""
AUDITED = f"""() => axe.run(document, {{
  runOnly: {{type: "tag", values: {json.dumps(AIDED)}}}, resultTypes: ["violations"],
}})"""


def audited(seat, axe, tally):
    """Findings of axe on an open page, counted; those that keep somebody from using it are told."""
    seat.page.evaluate(axe)
    told = []
    for one in seat.page.evaluate(AUDITED)["violations"]:
        tally.findings[one["impact"]] += len(one["nodes"])
        if one["impact"] in {"serious", "critical"}:
            told += [f"{one['id']}: {each['html'][:120]}" for each in one["nodes"]]
    return told


def tabbed(page, selector, most=60):
    """Press Tab until an element has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("(one) => document.activeElement.matches(one)", selector):
            return
    raise AssertionError(f"Tab does not lead to {selector}")


def poppler(program, *words):
    return subprocess.run([program, *words], capture_output=True, text=True, check=True).stdout


def cut_off(paper: Path):
    """Words of a printed page that lie beyond the edge of its sheet."""
    words = re.findall(
        r'xMin="([\d.-]+)".*?xMax="([\d.-]+)".*?>(.*?)</word>', poppler("pdftotext", "-bbox", str(paper), "-")
    )
    return [word for left, right, word in words if float(left) < 0 or float(right) > A4[0]]
