# SPDX-License-Identifier: BSD-3-Clause
# e2e: limit 600
"""Many subscribers inside ESP: lnsload's ESP (libcrypto) against lnsd's, every algorithm, nothing lost."""
import re
import subprocess
import types

import load
from dial import counters
from lib import LNS, Failure, Lnsd, case, check, check_equal, eventually, main, program

CLEAR, SECURE = '10.1.0.2', '10.1.0.130'
ALGORITHMS = [name + mode for name in ('aes128', 'aes192', 'aes256') for mode in ('gcm16', 'gmac')]
ALGORITHMS += ['chacha20poly1305'] + [f'{cipher}-{digest}' for cipher in ('aes128', 'aes192', 'aes256', '3des', 'null')
                                      for digest in ('sha1', 'sha256', 'sha384', 'sha512')]


def inside(lab, name, algorithm, local, *more, tunnels=8):
    """lnsload's options for tunnels inside ESP; numbers go on from run to run."""
    return ['--local', local, '--tunnels', str(tunnels), '--esp', algorithm, '--esp-passphrase', 'load ' + name,
            '--esp-state', lab.path(name + '.numbers'), *more]


def associations(options, lns=LNS):
    """What lnsd has to be told, from lnsload itself."""
    text = subprocess.run([program('lnsload'), '--lns', lns, *options, '--print-sas'], check=True,
                          capture_output=True, text=True).stdout
    made = []
    for line in text.splitlines():
        found = re.fullmatch(r'  (- |  )([a-z-]+): (.*)', line)
        if not found:
            continue
        if found.group(1) == '- ':
            made.append({})
        value = found.group(3).strip('"')
        if value.startswith('{'):
            value = {key: int(number) for key, number in re.findall(r'([a-z-]+): (\d+)', value)}
        made[-1][found.group(2)] = True if value == 'true' else value
    check(made, 'lnsload prints associations')
    return made


def runs(lab):
    """{name: lnsload's options}, all of them known to the daemon from its start."""
    made = {
        'half': inside(lab, 'half', 'aes128gcm16', f'{CLEAR},{SECURE}', '--esp-tunnels', 'half'),
        'clients': inside(lab, 'clients', 'aes256-sha256', '10.1.0.131', '--natt', '31000', '--source-port', 'any',
                          '--esp-spi', '0x20000'),
        'queues': inside(lab, 'queues', 'aes128gcm16', '10.1.0.134', '--natt', '33000', '--source-port', 'any',
                         '--esp-spi', '0x23000', tunnels=32),
        'inject': inside(lab, 'inject', 'aes256gcm16', '10.1.0.132', '--esp-spi', '0x21000', '--esp-inject',
                         'replay=5,corrupt=5,reorder=2', tunnels=4),
        'inject-cbc': inside(lab, 'inject-cbc', 'aes128-sha1', '10.1.0.133', '--natt', '--esp-spi', '0x22000',
                             '--esp-inject', 'replay=5,corrupt=5,reorder=2', tunnels=4),
    }
    for index, algorithm in enumerate(ALGORITHMS):
        more = (['--natt', str(32000 + index)] if index % 2 else []) + (['--esp-esn'] if index % 3 == 0 else [])
        made[algorithm] = inside(lab, algorithm, algorithm, f'10.1.0.{140 + index}', *more,
                                 '--esp-spi', hex(0x30000 + 16 * index), tunnels=2)
    return made


def setup(lab):
    for number in [*range(130, 135), *range(140, 140 + len(ALGORITHMS))]:
        lab.run('lac', 'ip', 'addr', 'add', f'10.1.0.{number}/24', 'dev', 'access')
    options = runs(lab)
    six = [inside(lab, 'six', 'aes128gcm16', 'fd00:1::2', '--esp-spi', '0x40000', tunnels=2),
           inside(lab, 'six-udp', 'aes256-sha384', 'fd00:1::2', '--esp-spi', '0x41000', '--natt', tunnels=2)]
    config = load.config(lab, subscribers={'mru': 1500}, ipsec={'permit-null': True, 'permit-gmac': True, 'permit-3des': True},
                         **{'security-associations': [row for words in options.values() for row in associations(words)]
                            + [row for words in six for row in associations(words, 'fd00:1::1')]})
    config['peers'] = [{'name': 'clear', 'sources': ['10.1.0.0/25'], 'secret': load.SECRET, 'challenge': True},
                       {'name': 'secure', 'sources': ['10.1.0.128/25', 'fd00:1::/64'], 'secret': load.SECRET,
                        'challenge': True, 'ipsec': 'required'}]
    return types.SimpleNamespace(lnsd=Lnsd(lab, config).start(), options=options, six=six)


def run(lab, state, name, sessions, *more, options=None):
    words = options or state.options[name]
    before = counters(state)
    try:
        return load.run(lab, words[3], sessions, *words[2:], *more, local=words[1])
    except Failure as error:
        after = counters(state)
        grown = {key: value - before.get(key, 0) for key, value in after.items() if value != before.get(key, 0)}
        raise Failure(f'{error}; counted by lnsd: {grown}') from None


@case
def half_of_the_tunnels_inside_esp_without_loss(lab, state):
    before = counters(state)
    result = run(lab, state, 'half', 400, '--auth', 'mix', '--size', 'imix', '--pps', '3000', '--traffic-seconds', '6')
    check_equal(result['sessions']['up'], 400, 'sessions up')
    check_equal((result['esp']['tunnels'], result['esp']['links']), (4, 1), 'tunnels inside ESP, links')
    load.no_loss(result)
    rows = [row for row in state.lnsd.rows('sas') if str(row['spi']).endswith(('10000', '10001'))]
    after = counters(state)
    check(not {key: value for key, value in after.items() if key.startswith('esp_') and value != before.get(key, 0)},
          'nothing was dropped for ESP')
    return f"up {result['up']['pps']:.0f} pps, down {result['down']['pps']:.0f} pps; {len(rows)} SAs"


@case
def clients_behind_one_nat_each_with_its_own_associations(lab, state):
    result = run(lab, state, 'clients', 160, '--pps', '1500', '--traffic-seconds', '4')
    check_equal((result['sessions']['up'], result['esp']['links']), (160, 8), 'sessions up, links')
    load.no_loss(result)


@case
def full_size_packets_of_many_sessions(lab, state):
    """1500 bytes inside ESP: every outer packet is two fragments, both ways."""
    result = run(lab, state, 'half', 60, '--mru', '1500', '--size', '1500', '--pps', '400', '--traffic-seconds', '3')
    load.no_loss(result)


@case
def injected_replays_and_forgeries_are_refused_by_name_and_cost_no_packet(lab, state):
    for name in ('inject', 'inject-cbc'):
        before = counters(state)
        result = run(lab, state, name, 40, '--pps', '2000', '--traffic-seconds', '4')
        injected = result['esp']['injected']
        check_equal(result['sessions']['up'], 40, 'sessions up')
        for direction in ('up', 'down'):
            check_equal(result[direction]['lost'], 0, f'{name}: lost {direction}')
        check(min(injected.values()) > 30, f'injected: {injected}')

        def grown(*reasons):
            after = counters(state)
            return sum(after.get(reason, 0) - before.get(reason, 0) for reason in reasons)

        eventually(lambda: grown('esp_icv') == injected['corrupt'], f"{name}: forged {injected['corrupt']}, "
                   f"refused {grown('esp_icv')}", timeout=3)
        eventually(lambda: grown('esp_replayed', 'esp_old') == injected['replay'],
                   f"{name}: replayed {injected['replay']}, refused {grown('esp_replayed', 'esp_old')}", timeout=3)


@case
def every_algorithm_carries_traffic(lab, state):
    for name in ALGORITHMS:
        result = run(lab, state, name, 4, '--pps', '300', '--traffic-seconds', '1', '--size', 'imix')
        check_equal(result['sessions']['up'], 4, f'{name}: sessions up')
        load.no_loss(result)


@case
def over_ipv6(lab, state):
    for options in state.six:
        result = run(lab, state, 'six', 20, '--lns', 'fd00:1::1', '--mru', '1500', '--size', '1500', '--pps', '300',
                     '--traffic-seconds', '2', options=options)
        check_equal(result['sessions']['up'], 20, 'sessions up')
        load.no_loss(result)


@case
def order_is_kept_when_sas_and_sessions_have_different_owners(lab, state):
    """Two workers, a port of one queue: packets cross to the SA's owner and on to the session's."""
    state.lnsd.stop()
    state.lnsd.config['dpdk'].update({'worker-cores': [1, 0], 'share-cores': True})
    state.lnsd.start()
    result = run(lab, state, 'half', 60, '--pps', '400', '--traffic-seconds', '6')
    check_equal(result['sessions']['up'], 60, 'sessions up')
    load.no_loss(result)
    crossed = sum(row['handoff_in'] for row in state.lnsd.rows('workers'))
    check(crossed > 1000, f'only {crossed} packets were handed over')
    return f'{crossed} packets handed over'


@case
def packets_of_a_client_arrive_at_the_owner_of_its_sas(lab, state):
    """Two workers, ports of two queues, over which the kernel spreads the clients by addresses and ports: each is owned
    where it arrives, but for a few where one queue has far more than the other."""
    state.lnsd.stop()
    state.lnsd.config['dpdk'].update({'worker-cores': [1, 0], 'share-cores': True})
    state.lnsd.config['dpdk']['vdevs'] = [vdev + ',qpairs=2' for vdev in state.lnsd.config['dpdk']['vdevs']]
    state.lnsd.start()
    child = load.start(lab, 32, 32, *state.options['queues'][2:], '--direction', 'up', '--pps', '1000',
                       '--traffic-seconds', '4', local=state.options['queues'][1])
    try:
        eventually(lambda: len(state.lnsd.sessions()) == 32, '32 sessions', timeout=20)
        owners = [row['worker'] for row in state.lnsd.rows('sas') if row['worker'] is not None and row['packets']]
        before = state.lnsd.rows('workers')
        status = child.wait(60)
    finally:
        lab.end(child)
    result = load.result_of(lab, 'load')
    check_equal(status, 0, f"lnsload's status: {load.brief(result['up'])}")
    after = state.lnsd.rows('workers')
    crossed, uplink = (sum(now[key] - then[key] for then, now in zip(before, after)) for key in ('handoff_in', 'uplink'))
    check(uplink > 2000, f'only {uplink} packets')
    check(0 in owners and 1 in owners, f'owners: {owners}')
    check(crossed < 0.2 * uplink, f'{crossed} of {uplink} packets were handed over')
    return f'{crossed} of {uplink} packets handed over'


def finish(lab, state):
    eventually(lambda: not state.lnsd.sessions(), 'no session is left', timeout=20)
    state.lnsd.stop()


main(setup, finish=finish)
