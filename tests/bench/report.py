"""The table for people, and the graph of cost against size."""

import textwrap

from bench import short

COLUMNS = ("row", "measure", "ours", "peer or limit", "its figure", "ratio", "goal", "reached")


def figure(value, unit):
    if value is None:
        return ""
    if unit in ("us", "ns", "KiB", "MiB", "s"):
        return f"{value:.3g} {unit}" if value < 1000 else f"{value:.0f} {unit}"
    text = short(value)
    return text + ("" if unit in ("B", "B/s") and text[-1].isalpha() else " ") + unit


def cells(line):
    if "not_run" in line:
        return [line["row"], line["measure"], "not run", line["not_run"], "", "", "", ""]
    r, goal = line["ratio"], line["goal"]
    at_most = line.get("at_most")
    text = "" if r is None else f"{r:.3g}"
    if line.get("cpu_ratio"):
        text += f" (by CPU time {line['cpu_ratio']:.3g})"
    wanted = "" if not goal else ("at most " if at_most else "") + f"{goal:g}"
    met = "" if line["met"] is None or not goal else "yes" if line["met"] else "no"
    measure = line["measure"] + (f" ({line['note']})" if line.get("note") else "")
    return [line["row"], measure, figure(line["ours"], line["unit"]), line["peer"],
            figure(line["theirs"], line["unit"]), text, wanted, met]


def table(lines):
    """A Markdown table."""
    rows = [cells(x) for x in lines if "points" not in x and "parts" not in x]
    text = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    text += ["| " + " | ".join(str(c) for c in r) + " |" for r in rows]
    return "\n".join(text) + "\n"


def graph(points):
    """SVG: nanoseconds of CPU time a record, against its bytes, both on logarithmic axes."""
    import math
    width, height, left, bottom, top, right = 640, 400, 70, 50, 20, 20
    xs = [p["bytes"] for p in points]
    ys = [p[k] for p in points for k in ("ingest_ns", "verify_ns")]
    x0, x1 = math.log10(min(xs)), math.log10(max(xs))
    y0, y1 = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))
    def x(value):
        return left + (math.log10(value) - x0) / (x1 - x0) * (width - left - right)
    def y(value):
        return height - bottom - (math.log10(value) - y0) / (y1 - y0) * (height - bottom - top)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
           'font-family="sans-serif" font-size="12">',
           f'<rect width="{width}" height="{height}" fill="white"/>']
    for e in range(y0, y1 + 1):
        for m in (1, 2, 5):
            v = m * 10 ** e
            if y0 <= math.log10(v) <= y1:
                out.append(f'<path d="M{left} {y(v):.1f}H{width - right}" stroke="#ddd"/>'
                           f'<text x="{left - 6}" y="{y(v) + 4:.1f}" text-anchor="end">{v}</text>')
    for v in xs:
        out.append(f'<text x="{x(v):.1f}" y="{height - bottom + 18}" text-anchor="middle">{v}</text>')
    for key, colour, name in (("ingest_ns", "#b02020", "ingest, TCP"),
                              ("verify_ns", "#2040b0", "verification")):
        path = " ".join(f"{x(p['bytes']):.1f},{y(p[key]):.1f}" for p in points)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{x(p["bytes"]):.1f}" cy="{y(p[key]):.1f}" r="3" fill="{colour}"/>'
                for p in points]
        first = points[0]
        out.append(f'<text x="{x(first["bytes"]) + 10:.1f}" y="{y(first[key]) - 10:.1f}" '
                   f'fill="{colour}">{name}</text>')
    out.append(f'<text x="{(left + width) / 2}" y="{height - 12}" text-anchor="middle">'
               'bytes of a record</text>')
    out.append(f'<text x="16" y="{height / 2}" text-anchor="middle" '
               f'transform="rotate(-90 16 {height / 2})">ns of CPU time a record</text></svg>')
    return "\n".join(out) + "\n"


def graph_text(points):
    head = "| bytes of a record | ingest, ns | verification, ns | bytes stored |\n|---|---|---|---|\n"
    return head + "".join(f"| {p['bytes']} | {p['ingest_ns']:.0f} | {p['verify_ns']:.0f} | "
                          f"{p['stored']:.0f} |\n" for p in points)


def profile_text(line):
    """Parts of a record's CPU time."""
    out = f"{line['ns']:.0f} ns of {line['measure']}, {line['records']:,} records:\n\n"
    out += "| part | ns | share |\n|---|---|---|\n"
    return out + "".join(f"| {what} | {share * line['ns']:.0f} | {share:.1%} |\n"
                         for what, share in line["parts"])


def machine_text(m):
    return textwrap.fill(
        f"{m['cores']} cores, {m['cpu']}, flags {' '.join(m['cpu_flags'])}; {m['memory_gib']} GiB; "
        f"Linux {m['kernel']}; load average at the start {m['load'][0]:.1f}", 100)
