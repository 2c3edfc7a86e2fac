"""Layered layout of a small graph, top to bottom: boxes in rows, lines between the rows.

Every second row belongs to the labels of the lines, so nothing can lie on anything else. The same
graph always gives the same picture. Lengths are in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flows.picture.rows import GAP_X, LANE, Spot, ordered, spread, straighten

GAP_Y = 16.0
"""Between a row of boxes and a row of labels."""
CORNER = 14.0
"""How far from its corners lines may touch a box,"""
PORT = 12.0
"""and how far from each other."""
BROAD = 360.0
"""A picture may be so wide for what stands beside each other below it."""


@dataclass(frozen=True, slots=True)
class Node:
    """A box to place. `beside`: width kept free right of it, for a line back to itself."""

    id: str
    width: float
    height: float
    beside: float = 0.0


@dataclass(frozen=True, slots=True)
class Edge:
    """A line to draw; `width` and `height` of its label are 0 where it has none."""

    source: str
    target: str
    width: float = 0.0
    height: float = 0.0


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle: left, top, width, height."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """The x of its middle."""
        return self.x + self.width / 2

    @property
    def bottom(self) -> float:
        """The y of its lower side."""
        return self.y + self.height

    def moved(self, x: float, y: float) -> Box:
        """The same elsewhere."""
        return Box(self.x + x, self.y + y, self.width, self.height)


@dataclass(frozen=True, slots=True)
class Line:
    """A line from its first to its last stretch. Each stretch is vertical: x, from y, to y; what
    is between two of them bends. `back`: it leads up, or to where it came from."""

    stretches: tuple[tuple[float, float, float], ...]
    label: Box | None
    back: bool
    loop: bool = False
    """Whether it leads to the box it came from, beside it."""

    def moved(self, x: float, y: float) -> Line:
        """The same elsewhere."""
        stretches = tuple((px + x, y1 + y, y2 + y) for px, y1, y2 in self.stretches)
        return Line(stretches, self.label and self.label.moved(x, y), self.back, self.loop)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything is: boxes by node, lines in the order of the edges."""

    boxes: dict[str, Box]
    lines: tuple[Line, ...]
    width: float
    height: float


def layered(nodes: Sequence[Node], edges: Sequence[Edge], entry: str) -> Layout:
    """Place `nodes`, `entry` first, and lead `edges` between them.

    What is not connected with the entry stands below, side by side.
    """
    groups = _apart([node.id for node in nodes], edges, entry)
    boxes: dict[str, Box] = {}
    lines: dict[int, Line] = {}
    x = y = width = height = 0.0
    for group in groups:
        inside = [n for n, edge in enumerate(edges) if edge.source in group]
        part = _connected(
            [node for node in nodes if node.id in group],
            [edges[n] for n in inside],
            entry if entry in group else "",
        )
        if x and x + part.width > max(width, BROAD):
            x, y = 0.0, height + 2 * GAP_Y
        boxes |= {id_: box.moved(x, y) for id_, box in part.boxes.items()}
        for n, line in zip(inside, part.lines, strict=True):
            lines[n] = line.moved(x, y)
        width, height = max(width, x + part.width), max(height, y + part.height)
        if entry in group:
            y = height + 2 * GAP_Y
        else:
            x += part.width + 2 * GAP_X
    return Layout(boxes, tuple(lines[n] for n in range(len(edges))), width, height)


def _apart(names: Sequence[str], edges: Sequence[Edge], entry: str) -> list[set[str]]:
    """Groups of nodes that hang together, the entry's first."""
    group = {name: {name} for name in names}
    for edge in edges:
        one, other = group[edge.source], group[edge.target]
        if one is not other:
            one |= other
            for name in other:
                group[name] = one
    found: list[set[str]] = []
    for name in (entry, *names):
        if not any(group[name] is one for one in found):
            found.append(group[name])
    return found


def _connected(nodes: Sequence[Node], edges: Sequence[Edge], entry: str) -> Layout:
    known = {node.id: node for node in nodes}
    back = _backward(list(known), edges, entry if entry in known else nodes[0].id)
    ranks = _ranks(list(known), edges, back)
    loops = {edge.source: edge.height for edge in edges if edge.source == edge.target}
    spots = {
        one.id: Spot(one.width + one.beside, max(one.height, loops.get(one.id, 0.0)), one.id)
        for one in nodes
    }
    rows: list[list[Spot]] = [[] for _ in range(2 * max(ranks.values()) + 1)]
    for node in sorted(nodes, key=lambda one: ranks[one.id]):
        rows[2 * ranks[node.id]].append(spots[node.id])
    chains = [_chain(edge, n in back, ranks, spots, rows) for n, edge in enumerate(edges)]
    rows = ordered(rows)
    spread(rows)
    straighten(rows)
    tops, height = _tops(rows)
    left = min(spot.x - spot.width / 2 for row in rows for spot in row)
    for row in rows:
        for spot in row:
            spot.x -= left
    boxes = {}
    for node in nodes:
        spot, row_no = spots[node.id], 2 * ranks[node.id]
        slack = max(s.height for s in rows[row_no]) - node.height
        boxes[node.id] = Box(
            spot.x - spot.width / 2, tops[row_no] + slack / 2, node.width, node.height
        )
    lines = _lines(edges, back, chains, boxes, known, ranks, rows, tops)
    width = max(spot.x + spot.width / 2 for row in rows for spot in row)
    return Layout(boxes, tuple(lines), width, height)


def _backward(names: Sequence[str], edges: Sequence[Edge], entry: str) -> set[int]:
    """Edges that close a cycle, found by walking from the entry in the order written."""
    leaving: dict[str, list[tuple[int, str]]] = {name: [] for name in names}
    for n, edge in enumerate(edges):
        leaving[edge.source].append((n, edge.target))
    open_, done, found = set(), set(), set()
    for start in (entry, *names):
        if start in done:
            continue
        walk = [(start, iter(leaving[start]))]
        open_.add(start)
        while walk:
            name, further = walk[-1]
            step = next(further, None)
            if step is None:
                walk.pop()
                open_.discard(name)
                done.add(name)
            elif step[1] in open_:
                found.add(step[0])
            elif step[1] not in done:
                open_.add(step[1])
                walk.append((step[1], iter(leaving[step[1]])))
    return found


def _ranks(names: Sequence[str], edges: Sequence[Edge], back: set[int]) -> dict[str, int]:
    """The longest way to each node; what nothing leads to stands just above what it leads to."""
    forward = [edge for n, edge in enumerate(edges) if n not in back]
    into = dict.fromkeys(names, 0)
    leaving: dict[str, list[str]] = {name: [] for name in names}
    for edge in forward:
        into[edge.target] += 1
        leaving[edge.source].append(edge.target)
    sources = [name for name in names if not into[name]]
    ranks = dict.fromkeys(names, 0)
    ready = list(sources)
    while ready:
        name = ready.pop()
        for target in leaving[name]:
            ranks[target] = max(ranks[target], ranks[name] + 1)
            into[target] -= 1
            if not into[target]:
                ready.append(target)
    for name in sources:
        if leaving[name]:
            ranks[name] = min(ranks[target] for target in leaving[name]) - 1
    return ranks


def _chain(
    edge: Edge,
    back: bool,
    ranks: dict[str, int],
    spots: dict[str, Spot],
    rows: list[list[Spot]],
) -> list[Spot]:
    """Put a line's passages into the rows between its ends, from the upper end down."""
    upper, lower = (edge.target, edge.source) if back else (edge.source, edge.target)
    if upper == lower:
        return []
    first, last = 2 * ranks[upper] + 1, 2 * ranks[lower] - 1
    labelled = last if back else first
    chain, above = [], spots[upper]
    for row in range(first, last + 1):
        sized = edge.width > 0 and row == labelled
        spot = Spot(edge.width if sized else LANE, edge.height if sized else 0.0)
        rows[row].append(spot)
        spot.above.append(above)
        above.below.append(spot)
        chain.append(spot)
        above = spot
    above.below.append(spots[lower])
    spots[lower].above.append(above)
    return chain


def _tops(rows: list[list[Spot]]) -> tuple[list[float], float]:
    tops, y = [], 0.0
    for row in rows:
        tops.append(y)
        y += max((spot.height for spot in row), default=0.0) + GAP_Y
    return tops, y - GAP_Y


def _lines(
    edges: Sequence[Edge],
    back: set[int],
    chains: Sequence[Sequence[Spot]],
    boxes: dict[str, Box],
    known: dict[str, Node],
    ranks: dict[str, int],
    rows: list[list[Spot]],
    tops: list[float],
) -> list[Line]:
    """Lead every line from box to box, through its passages."""
    ports = _ports(edges, back, chains, boxes)
    found = []
    for n, edge in enumerate(edges):
        chain, backward = chains[n], n in back
        if not chain:
            found.append(_loop(edge, boxes[edge.source], known[edge.source]))
            continue
        upper, lower = (edge.target, edge.source) if backward else (edge.source, edge.target)
        label, stretches = None, []
        top = boxes[upper].bottom
        row_no = 2 * ranks[upper] + 1
        row_end = tops[row_no - 1] + max(s.height for s in rows[row_no - 1])
        stretches.append((ports[n, "bottom"], top, row_end))
        for spot in chain:
            height = max(s.height for s in rows[row_no])
            stretches.append((spot.x, tops[row_no], tops[row_no] + height))
            if spot.height:
                slack = (height - spot.height) / 2
                label = Box(spot.x - spot.width / 2, tops[row_no] + slack, spot.width, spot.height)
            row_no += 1
        stretches.append((ports[n, "top"], tops[row_no], boxes[lower].y))
        if backward:
            stretches = [(x, y2, y1) for x, y1, y2 in reversed(stretches)]
        found.append(Line(tuple(stretches), label, backward))
    return found


def _ports(
    edges: Sequence[Edge],
    back: set[int],
    chains: Sequence[Sequence[Spot]],
    boxes: dict[str, Box],
) -> dict[tuple[int, str], float]:
    """The x at which each line touches a box: (edge, "bottom" of its upper, "top" of its lower
    box): straight where it goes on, if the box reaches so far."""
    touching: dict[tuple[str, str], list[tuple[float, int]]] = {}
    for n, edge in enumerate(edges):
        if chains[n]:
            upper, lower = (edge.target, edge.source) if n in back else (edge.source, edge.target)
            touching.setdefault((upper, "bottom"), []).append((chains[n][0].x, n))
            touching.setdefault((lower, "top"), []).append((chains[n][-1].x, n))
    found: dict[tuple[int, str], float] = {}
    for (name, side), lines in touching.items():
        box, lines = boxes[name], sorted(lines)
        inner = max(0.0, box.width / 2 - CORNER)
        step = min(PORT, 2 * inner / max(1, len(lines) - 1))
        low, high = box.middle - inner, box.middle + inner
        x = float("-inf")
        for n, (wanted, edge_no) in enumerate(lines):
            last = high - step * (len(lines) - 1 - n)
            x = min(max(wanted, low, x + step), last)
            found[edge_no, side] = round(x, 2)
    return found


def _loop(edge: Edge, box: Box, node: Node) -> Line:
    """A line from a box to itself, in the room kept free beside it."""
    x = box.x + box.width + min(14.0, node.beside / 3)
    low, high = box.y + box.height * 0.75, box.y + box.height * 0.25
    label = None
    if edge.width:
        label = Box(x + 8, box.y + (box.height - edge.height) / 2, edge.width, edge.height)
    right = box.x + box.width
    return Line(
        ((right, low, low), (x, low, high), (right, high, high)), label, back=True, loop=True
    )
