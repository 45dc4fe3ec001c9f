"""What the README shows must be true."""

import re
from pathlib import Path

from nsm_pipeline.product.yaml_file import load_product

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_the_product_file_of_the_readme_is_valid(tmp_path: Path) -> None:
    [text] = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    path = tmp_path / "chat.yaml"
    path.write_text(text)
    assert load_product(path).config.product == "chat"


def test_every_path_that_the_readme_and_decisions_link_to_exists() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs" / "decisions").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_module_that_the_readme_names_exists() -> None:
    package = {path.name for path in (ROOT / "nsm_pipeline").rglob("*.py")}
    for name in re.findall(r"`(?:\w+/)*(\w+\.py)`", README):
        assert name in package, name
