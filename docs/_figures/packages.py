"""The packages of skae as a picture: floors of boxes, drawn from the imports."""

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2] / "skae"
WIDTH, HEIGHT, GAP, STEP = 150, 44, 26, 78
MARGIN = 16
# What each package is about, and the column of its box, which keeps lines off boxes.
PACKAGES = {
    "noise": ("corruptions", 2.0),
    "_nn.latents": ("latent codes", 0.0),
    "_nn.losses": ("losses", 1.0),
    "_nn": ("layers, networks", 0.5),
    "_nn.modules": ("torch modules", 0.0),
    "_data": ("samples, splits", 1.6),
    "_pca": ("PCA, anchors", 1.0),
    "_sklearn": ("scikit-learn's surface", 2.0),
    "_model": ("network, objective", 0.5),
    "_training": ("loop, optimizer", 0.5),
    "_fitting": ("network or PCA", 0.0),
    "_outliers": ("outlier detector", 1.05),
    "_autoencoders": ("estimators", 1.45),
    "metrics": ("metrics, scorers", 2.6),
    "plotting": ("displays", 2.0),
    "_persistence": ("model files", 1.0),
}


def package_of(module):
    """Return the package that holds a module, by its name below skae."""
    packages = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for path in ROOT.rglob("__init__.py")
    }
    parts = module.split(".")[1:]
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        if name in packages or length == 1:
            return "plotting" if name.startswith("plotting") else name
    return ""


def imports():
    """Return what each package imports."""
    found = defaultdict(set)
    for path in ROOT.rglob("*.py"):
        parts = ["skae", *path.relative_to(ROOT).with_suffix("").parts]
        package = package_of(".".join(parts).removesuffix(".__init__"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and package in PACKAGES:
                above = parts[: len(parts) - node.level] if node.level else []
                module = ".".join([*above, *filter(None, [node.module])])
                if module.split(".")[0] == "skae":
                    found[package].add(package_of(module))
    return {name: found[name] - {name, ""} for name in PACKAGES}


def floors():
    """Return the packages on each floor: above all that they import."""
    below = imports()

    @cache
    def floor(name):
        return 1 + max((floor(other) for other in below[name]), default=-1)

    result = defaultdict(list)
    for name in PACKAGES:
        result[floor(name)].append(name)
    return [result[at] for at in sorted(result)]


def essential(below):
    """Return imports without those that another import implies."""

    @cache
    def reach(name):
        return frozenset(below[name]).union(*(reach(other) for other in below[name]))

    return {
        name: {o for o in others if not any(o in reach(p) for p in others - {o})}
        for name, others in below.items()
    }


def picture():
    """Return the picture as SVG."""
    rows = floors()
    last = max(column for _, column in PACKAGES.values())
    width = round(2 * MARGIN + last * (WIDTH + GAP) + WIDTH)
    height = 2 * MARGIN + (len(rows) - 1) * STEP + HEIGHT
    place = {
        name: (
            round(MARGIN + PACKAGES[name][1] * (WIDTH + GAP)),
            height - MARGIN - HEIGHT - at * STEP,
        )
        for at, names in enumerate(rows)
        for name in names
    }
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="sans-serif" '
        'text-anchor="middle">',
        f'<rect width="{width}" height="{height}" rx="8" fill="#ffffff"/>',
    ]
    for name, others in essential(imports()).items():
        x, y = place[name]
        for other in sorted(others):
            a, b = place[other]
            lines.append(
                f'<line x1="{x + WIDTH / 2:g}" y1="{y + HEIGHT:g}" '
                f'x2="{a + WIDTH / 2:g}" y2="{b:g}" stroke="#9aa5b1"/>'
            )
    for name, (x, y) in place.items():
        middle = x + WIDTH / 2
        lines += [
            f'<rect x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="6" '
            'fill="#eef4fb" stroke="#459db9"/>',
            f'<text x="{middle:g}" y="{y + 18:g}" font-size="14" '
            f'font-weight="bold" fill="#1f2933">{name}</text>',
            f'<text x="{middle:g}" y="{y + 35:g}" font-size="12" '
            f'fill="#52606d">{PACKAGES[name][0]}</text>',
        ]
    return "\n".join([*lines, "</svg>", ""])
