#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# coverage.py SOURCE BUILD: what gcov counted in BUILD, a line for each directory of SOURCE and one for all of it.
# BUILD/coverage.txt gets the lines that did not run, and those of whose branches one was never taken.
import collections, json, os, subprocess, sys
from concurrent.futures import ThreadPoolExecutor

source, build = (os.path.realpath(path) for path in sys.argv[1:3])
files = collections.defaultdict(lambda: (collections.Counter(), collections.Counter()))


def read_counts(notes):
    """What gcov says about one object, whether it was run or not."""
    run = subprocess.run(["gcov", "--branch-probabilities", "--json-format", "--stdout", notes],
                         cwd=build, capture_output=True, text=True)
    return [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]


def list_objects():
    for directory, _, names in os.walk(build):
        for name in names:
            if name.endswith(".gcno"):
                yield os.path.join(directory, name)


def add_file(entry):
    path = os.path.relpath(os.path.join(build, entry["file"]), source)
    if path.startswith(("..", "t/", "/")) or os.path.dirname(path) == "":
        return
    lines, branches = files[path]
    for line in entry["lines"]:
        number = line["line_number"]
        lines[number] += line["count"]
        for index, branch in enumerate(line["branches"]):
            branches[number, index] += branch["count"]


with ThreadPoolExecutor(os.cpu_count()) as pool:
    for answers in pool.map(read_counts, list(list_objects())):
        for answer in answers:
            for entry in answer["files"]:
                add_file(entry)

sums = collections.defaultdict(lambda: [0, 0, 0, 0])
with open(os.path.join(build, "coverage.txt"), "w") as report:
    for path in sorted(files):
        lines, branches = files[path]
        counts = (sum(map(bool, lines.values())), len(lines), sum(map(bool, branches.values())), len(branches))
        for name in (os.path.dirname(path), "all"):
            sums[name] = [have + more for have, more in zip(sums[name], counts)]
        not_run = [number for number in sorted(lines) if not lines[number]]
        half = sorted({number for (number, _), count in branches.items() if not count and lines[number]})
        report.write(f"{path}\n  not run: {' '.join(map(str, not_run))}\n  a branch not taken: {' '.join(map(str, half))}\n")


def percent(part, whole):
    return f"{100 * part / whole:.1f} %" if whole else "-"


print(f"{'directory':20} {'lines':>8} {'branches':>9}")
for name in sorted(sums, key=lambda name: (name == "all", name)):
    run, lines, taken, branches = sums[name]
    print(f"{name:20} {percent(run, lines):>8} {percent(taken, branches):>9}")
