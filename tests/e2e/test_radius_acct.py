# SPDX-License-Identifier: BSD-3-Clause
# e2e: sanitize limit 600
"""Accounting against Debian's FreeRADIUS: exact, complete, and after every kind of death."""
import contextlib
import time
import types

import load
from dial import tunnel_up
from freeradius import FreeRadius
from lib import FAR, Lnsd, case, check, check_equal, eventually, main
from ppp import Client


def server(radius, **more):
    return radius.settings(**{'timeout': '300ms', 'tries': 2, 'dead-after': '1s', 'probe-interval': '1s', **more})


def setup(lab):
    one = FreeRadius(lab, 'one', 18221, 18231).start()
    two = FreeRadius(lab, 'two', 18222, 18232).start()
    config = load.config(
        lab, users=[],
        peers=[{'name': 'open', 'sources': ['10.1.0.0/24'], 'host-name': 'open-*'},
               {'name': 'load', 'sources': ['10.1.0.0/24'], 'secret': load.SECRET, 'challenge': True}],
        policies=[{'name': 'gold', 'up-rate': '5M', 'down-rate': '50M'}])
    config['radius-servers'] = [server(one, priority=1), server(two, priority=2)]
    config['prefix-pools'] = [{'name': 'six', 'prefixes': ['2001:db8:1000::/44']},
                              {'name': 'cpe', 'length': 56, 'prefixes': ['2001:db8:1100::/40']}]
    config['radius'] = {'nas-address': '192.0.2.1', 'deadline': '5s', 'ipv6-counters': 'erx', 'spool': lab.path('spool')}
    return types.SimpleNamespace(lnsd=Lnsd(lab, config).start(), one=one, two=two)


def finish(lab, state):
    eventually(lambda: not state.lnsd.sessions(), 'no session is left', timeout=20)
    state.lnsd.stop()
    last = state.one.detail()[-1]
    check_equal(last['Acct-Status-Type'], 'Accounting-Off', 'the last record')


def acct(state):
    return state.lnsd.row('accounting')


def delivered(state, timeout=30):
    eventually(lambda: acct(state)['waiting'] == 0, 'everything is acknowledged', timeout=timeout)


def records(state, **wanted):
    found = state.one.detail() + state.two.detail()
    return [one for one in found if all(one.get(key.replace('_', '-')) == value for key, value in wanted.items())]


def stops(state, pattern):
    """Stops of users, the newest of each session."""
    return {one['Acct-Session-Id']: one for one in records(state, Acct_Status_Type='Stop')
            if one.get('User-Name', '').endswith(pattern)}


@case
def accounting_on_comes_first(lab, state):
    delivered(state)
    check_equal(state.one.detail()[0]['Acct-Status-Type'], 'Accounting-On', 'the first record')
    check_equal(state.one.detail()[0]['NAS-IP-Address'], '192.0.2.1', 'NAS-IP-Address')


@case
def a_session_has_a_start_and_a_stop_with_its_attributes(lab, state):
    with tunnel_up(lab) as tunnel:
        client = Client(tunnel.call(), user='everything@radius.example', password='every-password',
                        methods=['chap']).up()
        client.ping(FAR, count=5)
        identifier = next(row for row in state.lnsd.sessions())
        row = state.lnsd.row('session', f"{identifier['tunnel']}/{identifier['session']}")
        client.terminate()
    eventually(lambda: stops(state, 'everything@radius.example'), 'the Stop')
    delivered(state)
    start = records(state, User_Name='everything@radius.example', Acct_Status_Type='Start')[-1]
    stop = list(stops(state, 'everything@radius.example').values())[-1]
    for record in (start, stop):
        check_equal(record['Acct-Session-Id'], row['acct_session_id'], 'Acct-Session-Id')
        check_equal(record['Framed-IP-Address'], '100.65.1.7', 'Framed-IP-Address')
        check_equal(record['Class'], ['0x636c6173732d6f6e65', '0x636c6173732d74776f'], 'Class')
        check_equal(record['Acct-Authentic'], 'RADIUS', 'Acct-Authentic')
        check_equal(record['NAS-Identifier'], 'lns.example', 'NAS-Identifier')
        check('Event-Timestamp' in record and 'Acct-Delay-Time' in record, f'times: {record}')
        check_equal(record['Tunnel-Type:0'] if 'Tunnel-Type:0' in record else record['Tunnel-Type'], 'L2TP', 'tunnel')
    check_equal(stop['Acct-Terminate-Cause'], 'User-Request', 'Acct-Terminate-Cause')
    # five pings of 84 bytes with the IP header, both ways
    check(int(stop['Acct-Input-Packets']) >= 5 and int(stop['Acct-Output-Packets']) >= 5, f'packets: {stop}')
    check_equal(stop['Acct-Input-Gigawords'], '0', 'Gigawords')


@case
def octets_are_lnsloads_own_to_the_byte(lab, state):
    before = set(stops(state, '@load.example'))
    result = load.run(lab, 2, 40, '--pps', '1000', '--traffic-seconds', '3', '--size', 'imix')
    check_equal(result['sessions']['up'], 40, 'sessions up')
    eventually(lambda: len(set(stops(state, '@load.example')) - before) == 40, 'a Stop for each session')
    mine = [one for key, one in stops(state, '@load.example').items() if key not in before]
    total = {key: sum(int(one[key]) + (int(one[key.replace('Octets', 'Gigawords')]) << 32 if 'Octets' in key else 0)
                      for one in mine)
             for key in ('Acct-Input-Octets', 'Acct-Output-Octets', 'Acct-Input-Packets', 'Acct-Output-Packets')}
    for direction, name in (('up', 'Input'), ('down', 'Output')):
        check_equal(total[f'Acct-{name}-Packets'], result[direction]['sent'], f'packets {direction}')
        check_equal(total[f'Acct-{name}-Octets'], result[direction]['bytes_sent'], f'octets {direction}')
    return f"{total['Acct-Input-Octets']} bytes up, {total['Acct-Output-Octets']} down"


@case
def dual_stack_sessions_tell_their_prefixes_and_ipv6s_share(lab, state):
    result = load.run(lab, 1, 10, *load.DUAL, '--user', 'sub%d@six.example', '--pps', '500', '--traffic-seconds', '2')
    check_equal(result['sessions']['up'], 10, 'sessions up')
    eventually(lambda: len(stops(state, '@six.example')) == 10, 'a Stop for each session')
    mine = list(stops(state, '@six.example').values())
    for name, start in (('Framed-IPv6-Prefix', '2001:db8:100'), ('Delegated-IPv6-Prefix', '2001:db8:11')):
        prefixes = {one[name] for one in mine}
        check(len(prefixes) == 10 and all(prefix.startswith(start) for prefix in prefixes), f'{name}: {prefixes}')
    check(all(one['Framed-Interface-Id'] != '0:0:0:0' for one in mine), 'Framed-Interface-Id')
    for direction, name in (('up', 'Input'), ('down', 'Output')):
        every = sum(int(one[f'Acct-{name}-Octets']) for one in mine)
        six = sum(int(one[f'ERX-IPv6-Acct-{name}-Octets']) for one in mine)
        check(0.3 * every < six < 0.7 * every, f'{name}: {six} of {every} octets are IPv6')
        check(every >= result[direction]['bytes_sent'], f'{name}: {every}, {result[direction]["bytes_sent"]} were sent')
        check(all(one[f'ERX-IPv6-Acct-{name}-Gigawords'] == '0' for one in mine), 'Gigawords')
    return f'{six} of {every} octets to subscribers were IPv6'


@case
def a_line_that_dies_before_any_interim_has_its_counters(lab, state):
    with tunnel_up(lab) as tunnel:
        client = Client(tunnel.call(), user='alice@radius.example', password='alice-password', methods=['pap']).up()
        client.ping(FAR, count=3)
        tunnel.stop()
    eventually(lambda: stops(state, 'alice@radius.example'), 'the Stop')
    stop = list(stops(state, 'alice@radius.example').values())[-1]
    check_equal(stop['Acct-Terminate-Cause'], 'Lost-Carrier', 'Acct-Terminate-Cause')
    check(int(stop['Acct-Input-Packets']) >= 3 and int(stop['Acct-Input-Octets']) > 0, f'counters: {stop}')


@case
def peer_that_comes_back_as_another_user_ends_the_session(lab, state):
    """What it has transferred is in the first one's name."""
    before = set(stops(state, '@radius.example'))
    with tunnel_up(lab) as tunnel:
        client = Client(tunnel.call(), user='alice@radius.example', password='alice-password', methods=['pap']).up()
        client.ping(FAR)
        client.user, client.password = 'interim@radius.example', 'interim-password'
        client.lcp()
        with contextlib.suppress(Exception):
            client.authenticate()
        eventually(lambda: not state.lnsd.sessions(), 'the session has ended', timeout=20)
    delivered(state)
    new = [one for key, one in stops(state, '@radius.example').items() if key not in before]
    check_equal([(one['User-Name'], one['Acct-Terminate-Cause']) for one in new],
                [('alice@radius.example', 'User-Error')], 'Stops')
    check('authenticates as another user' in lab.read(state.lnsd.log), 'the log')


@case
def interims_come_in_their_interval(lab, state):
    with tunnel_up(lab) as tunnel:
        client = Client(tunnel.call(), user='interim@radius.example', password='interim-password',
                        methods=['pap']).up()
        client.ping(FAR)
        eventually(lambda: records(state, User_Name='interim@radius.example', Acct_Status_Type='Interim-Update'),
                   'an Interim', timeout=75, interval=1)
        client.terminate()
    interim = records(state, User_Name='interim@radius.example', Acct_Status_Type='Interim-Update')[0]
    check(54 <= int(interim['Acct-Session-Time']) <= 70, f"Acct-Session-Time {interim['Acct-Session-Time']}")
    check(int(interim['Acct-Input-Packets']) >= 1, 'counters')


@case
def no_stop_is_lost_when_servers_and_lnsd_die(lab, state):
    """Both servers are down for 30 s. 200 sessions end meanwhile, 50 are up when lnsd is killed in the middle of it."""
    load.run(lab, 2, 200, '--no-teardown', '--hostname', 'load-a', traffic=False)
    load.run(lab, 1, 50, '--user', 'stay%d@load.example', '--no-teardown', '--hostname', 'load-b', traffic=False)
    check_equal(len([row for row in state.lnsd.sessions() if row['state'] == 'up']), 250, 'sessions that are up')
    ids = {row['user']: state.lnsd.row('session', f"{row['tunnel']}/{row['session']}")['acct_session_id']
           for row in state.lnsd.sessions()}
    delivered(state)
    back = time.monotonic() + 30
    state.one.kill()
    state.two.kill()
    state.lnsd.command('disconnect', 'user', 'sub*@load.example')
    eventually(lambda: len(state.lnsd.sessions()) == 50, '200 sessions have ended', timeout=60)
    check(acct(state)['waiting'] >= 200, f'records wait: {acct(state)}')
    time.sleep(max(1, back - 15 - time.monotonic()))  # on disk by then
    state.lnsd.kill()
    time.sleep(1)
    state.lnsd.start()
    check_equal(acct(state)['recovered_stops'], 50, 'sessions that had no end')
    check(acct(state)['waiting'] >= 250, f'records wait: {acct(state)}')
    time.sleep(max(0, back - time.monotonic()))
    state.one.start()
    state.two.start()
    delivered(state, timeout=60)
    got = stops(state, '@load.example')
    lost = [user for user, identifier in ids.items() if identifier not in got]
    check(not lost, f'{len(lost)} Stops are lost: {lost[:5]}')
    for user, identifier in ids.items():
        if user.startswith('stay'):
            check_equal(got[identifier]['Acct-Terminate-Cause'], 'NAS-Reboot', 'Acct-Terminate-Cause')
    every = [one for one in state.one.detail() + state.two.detail()
             if one['Acct-Status-Type'] in ('Stop', 'Accounting-On')]
    last_on = max(index for index, one in enumerate(every) if one['Acct-Status-Type'] == 'Accounting-On')
    check_equal(last_on, len(every) - 1, 'Accounting-On comes after all Stops')
    keys = [(one['Acct-Session-Id'], one['Event-Timestamp'], one['Acct-Status-Type']) for one in every]
    return f'{len(ids)} Stops, {len(keys) - len(set(keys))} duplicates'


@case
def ten_thousand_sessions_leave_no_socket_slot_or_record_behind(lab, state):
    rounds = []
    for _ in range(2):
        result = load.run(lab, 16, 5000, traffic=False, timeout=240)
        check_equal(result['sessions']['up'], 5000, 'sessions up')
        eventually(lambda: not state.lnsd.sessions(), 'all sessions have ended', timeout=60)
        delivered(state, timeout=120)
        eventually(lambda: all(row['in_flight'] == row['queued'] == 0 for row in state.lnsd.rows('radius')),
                   'no request is under way')
        rounds.append(acct(state))
        check_equal(rounds[-1]['sessions'], 0, 'sessions of the accounting')
        check_equal(rounds[-1]['spool_segments'], 1, 'segments of the spool')
    eventually(lambda: all(row['sockets'] <= 1 for row in state.lnsd.rows('radius')), 'spare sockets are closed',
               timeout=90, interval=1)
    return f"{result['sessions']['rate']:.0f} sessions a second with authentication and accounting"


main(setup, finish)
