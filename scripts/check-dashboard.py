"""Checks a Grafana dashboard: structure, and that every expression works.

usage: check-dashboard.py DASHBOARD [--rules FILE] [--prometheus URL]

--rules       writes every expression as a recording rule, for `promtool check rules` to parse
--prometheus  runs every expression against a Prometheus that has scraped a server under load (make loadtest) and fails
              unless each succeeds and has data

Standard library only.
"""

import argparse
import json
import math
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

# What Grafana puts in before it asks.
VARIABLES = {"$__rate_interval": "1m", "$instance": ".*"}


def structural_faults(dashboard):
    ids, cells = set(), {}
    for panel in dashboard["panels"]:
        name = f"panel {panel.get('id')} {panel.get('title')!r}"
        if not panel.get("title"):
            yield f"{name}: has no title"
        if panel["id"] in ids:
            yield f"{name}: its id is taken"
        ids.add(panel["id"])
        place = panel["gridPos"]
        if place["x"] + place["w"] > 24:
            yield f"{name}: sticks out of the 24 columns"
        for cell in ((x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])):
            if cell in cells:
                yield f"{name}: overlaps {cells[cell]}"
                break
            cells[cell] = name
        if panel["type"] == "row":
            continue
        if not panel.get("description"):
            yield f"{name}: has no description"
        if not panel.get("targets"):
            yield f"{name}: asks nothing"
        references = [target["refId"] for target in panel.get("targets", [])]
        if len(references) != len(set(references)):
            yield f"{name}: two of its queries have one refId"


def expressions(dashboard):
    """(where it is used, expression with Grafana's variables filled in)"""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield f"panel {panel['title']!r} {target['refId']}", filled(target["expr"])
    for annotation in dashboard["annotations"]["list"]:
        if "expr" in annotation:
            yield f"annotation {annotation['name']!r}", filled(annotation["expr"])


def filled(expression):
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    return expression


def as_rules(dashboard):
    # JSON is YAML.
    rules = [{"record": f"check:expression:n{number}", "expr": text} for number, (_, text) in enumerate(expressions(dashboard))]
    return {"groups": [{"name": "dashboard", "rules": rules}]}


def ask(prometheus, expression):
    """Series and samples of the last ten minutes."""
    now = time.time()
    query = urllib.parse.urlencode({"query": expression, "start": now - 600, "end": now, "step": 5})
    try:
        with urllib.request.urlopen(f"{prometheus.rstrip('/')}/api/v1/query_range", data=query.encode(), timeout=30) as answer:
            body = json.load(answer)
    except urllib.error.HTTPError as error:
        raise ValueError(json.load(error).get("error", str(error))) from error
    series = body["data"]["result"]
    samples = sum(math.isfinite(float(value)) for one in series for _, value in one["values"])
    return len(series), samples


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dashboard")
    parser.add_argument("--rules")
    parser.add_argument("--prometheus")
    arguments = parser.parse_args()
    with open(arguments.dashboard, encoding="utf-8") as file:
        dashboard = json.load(file)
    faults = list(structural_faults(dashboard))
    if arguments.rules:
        with open(arguments.rules, "w", encoding="utf-8") as file:
            json.dump(as_rules(dashboard), file, indent=1)
    if arguments.prometheus:
        for where, expression in expressions(dashboard):
            try:
                series, samples = ask(arguments.prometheus, expression)
            except ValueError as error:
                faults.append(f"{where}: {error}: {expression}")
                continue
            print(f"{samples:6} samples in {series:3} series  {where}")
            # Alerts that fire are no part of a healthy run.
            if samples == 0 and not where.startswith("annotation"):
                faults.append(f"{where}: no data: {expression}")
    count = len(list(expressions(dashboard)))
    print(f"{arguments.dashboard}: {len(dashboard['panels'])} panels, {count} expressions, {len(faults)} faults")
    for fault in faults:
        print(f"  {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
