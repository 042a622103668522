"""Every metric is documented, and what the alerts and the dashboard ask for exists."""

import json
import re
from pathlib import Path

from bounced import metrics

DOCS = Path(__file__).parents[1] / "docs"
_SUFFIXES = {"counter": ("_total",), "gauge": ("",), "info": ("_info",), "histogram": ("_bucket", "_sum", "_count")}
FAMILIES = [family for family in metrics.REGISTRY.collect() if family.name.startswith("bounced_")]
SERIES = {family.name + suffix for family in FAMILIES for suffix in _SUFFIXES[family.type]}
OF_THE_LIBRARY = {sample.name for family in metrics.REGISTRY.collect() for sample in family.samples}
_NAME = re.compile(r"\b(?:bounced|process)_[a-z_]+\b")


def documented():
    """Return name, kind and labels of every row of the table."""
    for line in (DOCS / "monitoring.md").read_text().splitlines():
        if row := re.match(r"\| `(bounced_\w+)` \| (\w+) \| (.*?) ?\| ", line):
            yield row[1], row[2], set(re.findall(r"`(\w+)`", row[3]))


def declared():
    for family in FAMILIES:
        suffix = "" if family.type == "histogram" else _SUFFIXES[family.type][0]
        collector = metrics.REGISTRY._names_to_collectors[family.name]  # noqa: SLF001 - labels are told nowhere else
        labels = {"version"} if family.type == "info" else set(collector._labelnames)  # noqa: SLF001 - the same
        yield family.name + suffix, "gauge" if family.type == "info" else family.type, labels


def test_the_table_has_every_metric_with_its_kind_and_labels_and_no_other():
    assert sorted(documented(), key=str) == sorted(declared(), key=str)


def test_every_metric_of_the_alerts_exists():
    text = "\n".join(
        line
        for line in (DOCS / "alerts.yml").read_text().splitlines()
        if not re.match(r"\s*(#|summary|description)", line)
    )
    names = set(_NAME.findall(text))
    assert len(names) > 10
    assert names <= SERIES


def test_every_alert_says_what_to_do():
    names = re.findall(r"alert: (\w+)", (DOCS / "alerts.yml").read_text())
    assert names
    guide = (DOCS / "monitoring.md").read_text()
    assert [name for name in names if f"`{name}`" not in guide] == []


def test_every_metric_of_the_dashboard_exists_and_every_metric_of_ours_is_in_it():
    dashboard = json.loads((DOCS / "grafana.json").read_text())
    asked = {target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])}
    names = set(_NAME.findall(" ".join(asked)))
    assert names <= SERIES | OF_THE_LIBRARY
    shown = {name for name in names if name.startswith("bounced_")}
    assert {re.sub("_(bucket|sum|count)$", "", name) for name in SERIES} == {
        re.sub("_(bucket|sum|count)$", "", name) for name in shown
    }
