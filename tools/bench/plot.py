# SPDX-License-Identifier: BSD-3-Clause
"""gnuplot's input from run.py's JSON, and gnuplot's run: see plot.sh."""
import json
import os
import subprocess
import sys

STYLE = """
set terminal svg size 900,560 dynamic font 'sans-serif,13' background '#ffffff'
set grid ytics lc rgb '#dddddd'
set key below maxcols 3
set border 3
set tics nomirror
set yrange [0:*]
set ylabel 'million packets per second, one worker'
"""
COLOURS = {'none': '#1b7837', 'aes-128-gcm': '#2166ac'}


def number(text):
    return f'{text:,}'


def series(rows, position, **wanted):
    """(position, median, lowest, highest) of the rows that are wanted, by position."""
    found = [row for row in rows if all(row.get(key) == value for key, value in wanted.items())]
    return sorted((position(row), row['mpps'], *row['spread']) for row in found)


def draw(path, title, script, lines):
    """lines: (label, colour, dash, points)."""
    data, plots = [], []
    for index, (label, colour, dash, points) in enumerate(line for line in lines if line[3]):
        data.append(f'$d{index} << EOD\n' + '\n'.join(' '.join(str(value) for value in point) for point in points) +
                    '\nEOD')
        plots.append(f"$d{index} using 1:2:3:4 with yerrorlines title '{label}' lc rgb '{colour}' lw 2 dt {dash} pt 7 "
                     'ps 0.5')
    if not plots:
        print(f'plot: nothing to draw for {os.path.basename(path)}, which stays as it is', file=sys.stderr)
        return
    text = '\n'.join([STYLE, f"set output '{path}'", f'set title "{title}"', script, *data,
                      'plot ' + ', \\\n  '.join(plots)])
    subprocess.run(['gnuplot'], input=text + '\n', text=True, check=True)
    print(path)


def main():
    with open(sys.argv[1]) as file:
        report = json.load(file)
    os.makedirs(sys.argv[2], exist_ok=True)
    rows, machine = report['results'], report['machine']
    where = f"{machine['cpu']}, {machine['pages']} pages, {machine['commit']}"

    sizes = sorted({row['size'] for row in rows if row['test'] == 'size' and isinstance(row['size'], int)})
    tics = ', '.join(f"'{size}' {size}" for size in sizes)
    lines = []
    for contestant in ('lnsd', 'ipsec-secgw'):
        for esp in ('none', 'aes-128-gcm'):
            for direction, dash in (('up', 1), ('down', 2)):
                lines.append((f"{contestant}, {'plain' if esp == 'none' else 'AES-128-GCM'}, {direction}",
                              COLOURS[esp] if contestant == 'lnsd' else '#b2182b', dash,
                              [point for point in series(
                                  [row for row in rows if isinstance(row.get('size'), int)], lambda row: row['size'],
                                  test='size', contestant=contestant, esp=esp, direction=direction)]))
    draw(os.path.join(sys.argv[2], 'size.svg'), f'Rate by size of the inner IP packet\\n{where}',
         f"set xlabel 'bytes'\nset xtics ({tics})\nset xrange [0:1464]", lines)

    counts = sorted({row['sessions'] for row in rows if row['test'] == 'growth'})
    tics = ', '.join(f"'{number(count)}' {count}" for count in counts)
    lines = [(f"{'plain' if esp == 'none' else 'AES-128-GCM'} {size} bytes, {direction}", COLOURS[esp], dash,
              series(rows, lambda row: row['sessions'], test='growth', esp=esp, size=size, direction=direction))
             for esp, size in (('none', 64), ('aes-128-gcm', 1400)) for direction, dash in (('up', 1), ('down', 2))]
    draw(os.path.join(sys.argv[2], 'sessions.svg'),
         f'Rate by number of sessions, in random order, captures of equal length\\n{where}',
         f"set xlabel 'sessions'\nset logscale x\nset xtics ({tics})\nset xrange [0.7:1.5e6]", lines)


main()
