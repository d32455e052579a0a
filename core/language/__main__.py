"""Print what a language lacks, as a JSON object to be filled in: `python -m understudy.core.language zh_HANS`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from .collecting import collect

ROOT = Path(__file__).resolve().parents[2]


def main(language: str) -> int:
    path = ROOT / "addon" / "languages" / f"{language}.json"
    known = json.loads(path.read_text("utf-8")) if path.exists() else {}
    shown = collect(ROOT)
    lacking = {text: place for text, place in shown.items() if text not in known}
    print(json.dumps(lacking, ensure_ascii=False, indent=0))
    spare = len([text for text in known if text not in shown])
    print(f"{len(lacking)} of {len(shown)} are lacking; {spare} are no longer needed", file=sys.stderr)
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2] or ["zh_HANS"]))
