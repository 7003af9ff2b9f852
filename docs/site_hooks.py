"""MkDocs hooks: pages for files outside docs/, and links to them that work on GitHub as on the site."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
# Files outside docs/ that become pages of the site.
PAGES = {
    "MODEL_CARD.md": "model-card.md",
    "CHANGELOG.md": "changelog.md",
    "benchmarks/README.md": "benchmarks.md",
}
_LINK = re.compile(r"(!?)\[([^\]]+)\]\(([^)#:]+)(#[^)]*)?\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List all decision records in the navigation."""
    records = sorted(path.name for path in (ROOT / "docs" / "adr").glob("[0-9]*.md"))
    for section in config.nav or []:
        for item in section.get("Development", []):
            if "Decisions" in item:
                item["Decisions"] = ["adr/index.md", *(f"adr/{name}" for name in records)]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not in docs/."""
    for source, page in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=_rewrite(text, posixpath.dirname(source), page)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links that leave docs/ to their pages."""
    source = page.file.src_uri
    if source in PAGES.values():
        return markdown
    return _rewrite(markdown, posixpath.join("docs", posixpath.dirname(source)), source)


def _rewrite(markdown: str, folder: str, page: str) -> str:
    """Return the text of a file in `folder` of the repository, its relative links as `page` of the site has them."""

    def rewritten(match: re.Match[str]) -> str:
        image, text, target, anchor = match[1], match[2], match[3], match[4] or ""
        path = posixpath.normpath(posixpath.join(folder, target))
        if path.startswith("docs/"):
            site_path = path.removeprefix("docs/")
        elif path in PAGES:
            site_path = PAGES[path]
        else:  # a file that is not on the site
            return text
        return f"{image}[{text}]({posixpath.relpath(site_path, posixpath.dirname(page) or '.')}{anchor})"

    return _LINK.sub(rewritten, markdown)
