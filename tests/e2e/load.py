# SPDX-License-Identifier: BSD-3-Clause
"""Running lnsload against the lab's daemon, and reading what it says."""
import json
import os

from lib import FAR, LAC, LNS, Failure, check, check_equal, default_config, program

SECRET = 'load-tunnel-secret'
PASSWORD = 'load-password'


# What makes the daemon's subscribers dual stack, and lnsload too.
FAR6 = '2001:db8:ffff::1'
IPV6 = {
    'prefix-pools': [{'name': 'lan', 'prefixes': ['2001:db8:1000::/44']},
                     {'name': 'cpe', 'length': 56, 'prefixes': ['2001:db8:1100::/40']}],
    'ipv6': {'pool': 'lan', 'delegated-pool': 'cpe', 'dns': ['2001:db8:53::1'], 'domains': ['isp.example']}}
DUAL = ('--ipv6', '--internet6-addr', FAR6)


def config(lab, workers=1, pool='100.66.0.0/15', **changes):
    """A configuration for many sessions: large pools and rings, no debug log."""
    made = default_config(
        lab, workers=workers,
        peers=[{'name': 'load', 'sources': ['10.1.0.0/24'], 'secret': SECRET, 'challenge': True}],
        users=[{'name': '*@load.example', 'password': PASSWORD}],
        pools=[{'name': 'main', 'ranges': [pool]}])
    made['lns']['log-level'] = 'warning'
    made['dpdk'].update({
        'memory': 1024, 'mbufs': 32768,
        'vdevs': [f'net_af_packet{index},iface={name},blocksz=65536,framesz=2048,framecnt=4096'
                  for index, name in enumerate(('access', 'core'))]})
    for key, value in changes.items():
        made.setdefault(key, {}).update(value) if isinstance(value, dict) else made.__setitem__(key, value)
    return made


def arguments(lab, tunnels, sessions, *more, name='load', traffic=True, password=PASSWORD, local=LAC):
    words = [program('lnsload'), '--lns', LNS, '--local', local, '--netns', lab.namespace('lac'),
             '--tunnels', tunnels, '--sessions', sessions, '--secret', SECRET,
             '--user', 'sub%d@load.example', '--password', password, '--quiet',
             '--json', lab.path(name + '.json')]
    if traffic:
        words += ['--internet-netns', lab.namespace('inet'), '--internet-addr', FAR]
    return [str(word) for word in words + list(more)]


def result_of(lab, name):
    try:
        with open(lab.path(name + '.json')) as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        raise Failure(f'lnsload left no result: {error}: {lab.read(name + ".log")[-800:]}') from None


def start(lab, tunnels, sessions, *more, name='load', **keywords):
    return lab.spawn(None, *arguments(lab, tunnels, sessions, *more, name=name, **keywords), log=name + '.log')


def run(lab, tunnels, sessions, *more, timeout=300, expect=0, name='load', **keywords):
    """Runs it to its end; its summary. expect: the exit status that is right (None: any)."""
    if os.path.exists(lab.path(name + '.json')):
        os.unlink(lab.path(name + '.json'))
    child = start(lab, tunnels, sessions, *more, name=name, **keywords)
    try:
        status = child.wait(timeout)
    finally:
        lab.end(child)
    result = result_of(lab, name)
    check(expect is None or status == expect,
          f"lnsload ended with {status}, {expect} was expected: {result.get('why')} "
          f"{result.get('mtu', '')} sessions {brief(result['sessions'])} up {brief(result['up'])} down {brief(result['down'])} "
          f"own drops {result['own_drops']}")
    return result


def brief(part):
    return {key: value for key, value in part.items() if isinstance(value, int) and value}


def no_loss(result):
    for direction in ('up', 'down'):
        part = result[direction]
        check(part['received'] > 0 and part['lost'] == 0, f'{direction}: {brief(part)}')
        for kind in ('reordered', 'duplicated', 'misdelivered', 'corrupt', 'bad_ttl'):
            check_equal(part[kind], 0, f'{direction}: {kind}')
