# SPDX-License-Identifier: BSD-3-Clause
"""Where and with what a figure was measured: the "machine" of every report."""
import json
import os
import platform
import re
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))


def output(*words):
    return subprocess.run(words, capture_output=True, text=True).stdout.strip()


def build_flags(build):
    """What the compiler was told, of meson's options."""
    with open(os.path.join(build, 'meson-info', 'intro-buildoptions.json')) as file:
        options = {option['name']: option['value'] for option in json.load(file)}
    flags = f"-O{options['optimization']} -march={options['cpu']}"
    return flags + ('' if options.get('b_sanitize', 'none') == 'none' else f" -fsanitize={options['b_sanitize']}")


def machine(build, **more):
    with open('/proc/cpuinfo') as file:
        model = next((line.split(':', 1)[1].strip() for line in file if line.startswith('model name')), '?')
    return {
        'cpu': model, 'cores': os.cpu_count(),
        'kernel': re.match(r'[0-9.]*', platform.release()).group().strip('.'),  # without what its maker calls it
        'commit': output('git', '-C', ROOT, '-c', 'safe.directory=*', 'describe', '--always', '--dirty'),
        'compiler': output(os.environ.get('CC', 'gcc').split()[-1], '--version').partition('\n')[0],
        'flags': build_flags(build), 'build': os.path.basename(build),
        'dpdk': output('dpkg-query', '-W', '-f', '${Version}', 'libdpdk-dev'), **more}


def report_write(path, where, results):
    """A report has the same shape whoever makes it: {"machine": {…}, "results": [{…}, …]}."""
    with open(path, 'w') as file:
        json.dump({'machine': where, 'results': results}, file, indent=1)
        file.write('\n')
