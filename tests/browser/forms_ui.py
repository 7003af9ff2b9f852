"""The Forms tab as a person uses it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from web_ui import WebUi

from sample_digits import draw_digit, png_bytes

EXAMPLE = Path(__file__).parents[2] / "static" / "example"
PICTURE = png_bytes(draw_digit(7))
PICTURE_URL = "data:image/png;base64," + base64.b64encode(PICTURE).decode()
FORM = {
    "version": 1,
    "name": "hours",
    "reference": PICTURE_URL,
    "fields": {"a": {"box": [0, 0, 40, 20]}, "b": {"box": [0, 30, 40, 20], "required": False}},
    "rules": [{"kind": "range", "field": "a", "minimum": 10, "maximum": 60}],
}
MISMATCH = {"type": "/problems/form-mismatch", "status": 422, "detail": "expected the form."}


def reading(text: str, *, accepted: bool = True) -> dict[str, Any]:
    confidence = 0.99 if accepted else 0.41
    return {
        "text": text, "transcript": text, "confidence": confidence, "accepted": accepted, "digits": [],
        "field_image": PICTURE_URL,
    }  # fmt: skip


def answer(a: str = "12", *, accepted: bool = True, violation: str = "") -> dict[str, Any]:
    violations = [{"fields": ["a"], "message": violation}] if violation else []
    fields = {"a": reading(a, accepted=accepted), "b": reading("3")}
    return {"fields": fields, "fit": 0.9, "violations": violations, "accepted": accepted and not violation}


class Forms:
    """The Forms tab as a person uses it; `read` is responded to by `answers`, one after the other."""

    def __init__(self, ui: WebUi) -> None:
        self.ui, self.page = ui, ui.page
        self.keystrokes = 0
        self.note = ui.expect("#forms-note")
        self.progress = ui.expect("#check-progress")
        self.answer = ui.expect("#check-input")
        self.cells = self.page.locator("#records tbody td[data-state]")
        ui.tab("forms")
        self.page.locator("#forms-example").wait_for()

    def choose_template(self, form: dict[str, Any]) -> None:
        text = json.dumps(form).encode()
        self.page.set_input_files(
            "#form-template", {"name": "form.json", "mimeType": "application/json", "buffer": text}
        )

    def open(self, form: dict[str, Any] = FORM) -> None:
        self.choose_template(form)
        self.ui.expect("#field-list button").to_have_count(len(form["fields"]))

    def fill(self, name: str, value: str) -> None:
        """Fill an input of the selected field and leave it."""
        self.page.fill(f"#field-form [name={name}]", value)
        self.ui.press(f"#field-form [name={name}]", "Tab")

    def answers(self, *responses: dict[str, Any]) -> None:
        """Respond to /read from now on, a problem for what has a status."""
        rest = iter(responses)

        def respond(route: Any) -> None:
            response = next(rest)
            status = response.get("status", 200)
            route.fulfill(json=response, status=status, headers={"Retry-After": "1"} if status == 503 else {})

        self.page.unroute("**/api/v1/read*")
        self.page.route("**/api/v1/read*", respond)

    def stack(self, *responses: dict[str, Any]) -> None:
        """Read a stack of as many pages."""
        self.open()
        self.ui.click("#fields-on")
        self.answers(*responses)
        self.choose(*(f"{number}.png" for number in range(len(responses))))

    def choose(self, *names: str) -> None:
        self.page.set_input_files(
            "#pages-files", [{"name": name, "mimeType": "image/png", "buffer": PICTURE} for name in names]
        )

    def keys(self, *names: str) -> None:
        for name in names:
            self.page.keyboard.press(name)
            self.keystrokes += 1

    def download(self, button: str) -> bytes:
        with self.page.expect_download() as download:
            self.ui.press(button)
        return bytes(Path(download.value.path()).read_bytes())

    def boxes(self) -> dict[str, list[float]]:
        return {
            str(group.get_attribute("data-name")): [
                float(group.locator("rect").get_attribute(side)) for side in ("x", "y", "width", "height")
            ]
            for group in self.page.locator("#blank-boxes .box").all()
        }

    def saved(self) -> dict[str, Any]:
        template: dict[str, Any] = json.loads(self.download("#form-save"))
        return template

    def drag(self, *points: tuple[float, float]) -> None:
        """Press at the first of `points`, of the picture's width and height, and let go at the last."""
        box = self.page.locator("#blank-boxes").bounding_box()
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*place, steps=3)
        self.page.mouse.up()
