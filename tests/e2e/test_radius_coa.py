# SPDX-License-Identifier: BSD-3-Clause
# e2e: sanitize limit 300
"""Disconnect and change of authorization (RFC 5176) by radclient."""
import contextlib
import hashlib
import struct
import time
import types

import load
from dial import tunnel_up
from freeradius import FreeRadius, udp_socket
from lac import CALLED_NUMBER, CALLING_NUMBER, avp
from lib import FAR, LNS_CORE, Lnsd, case, check, check_equal, eventually, main
from ppp import Client

COA = 'coa-secret-of-the-portal'


def setup(lab):
    one = FreeRadius(lab, 'one', 18321, 18331).start()
    config = load.config(
        lab, users=[], peers=[{'name': 'open', 'sources': ['10.1.0.0/24'], 'host-name': 'open-*'}],
        policies=[{'name': 'gold', 'up-rate': '5M', 'down-rate': '50M'},
                  {'name': 'slow', 'up-rate': '64k', 'down-rate': '64k'}])
    config['radius-servers'] = [one.settings()]
    config['radius'] = {'nas-address': '192.0.2.1', 'spool': lab.path('spool')}
    lnsd = Lnsd(lab, config).start()
    # the first ones may come with a reload
    lnsd.config['radius-clients'] = [{'name': 'portal', 'sources': ['127.0.0.1'], 'secret': COA}]
    check_equal(lnsd.reload().returncode, 0, 'reload')
    return types.SimpleNamespace(lnsd=lnsd, one=one)


def finish(lab, state):
    eventually(lambda: not state.lnsd.sessions(), 'no session is left', timeout=20)
    state.lnsd.stop()
    check(COA not in lab.read(state.lnsd.log), 'a secret is in the log')


def request(state, kind, *attributes, secret=COA, stamp=0):
    """radclient's answer: 'ACK', the NAK's Error-Cause, or '' without any."""
    _, text = state.one.radclient('127.0.0.1:3799', kind, list(attributes) + [
        ('Event-Timestamp', int(time.time()) + stamp)], secret=secret)
    if 'Received Disconnect-ACK' in text or 'Received CoA-ACK' in text:
        return 'ACK'
    return text.split('Error-Cause = ')[1].split('\n')[0] if 'Error-Cause = ' in text else ''


def details(state, user='alice@radius.example'):
    row = next(one for one in state.lnsd.sessions() if one['user'] == user)
    return state.lnsd.row('session', f"{row['tunnel']}/{row['session']}")


@contextlib.contextmanager
def dialled(lab, user='alice@radius.example', password='alice-password', calling=None, called=None):
    numbers = [avp(kind, value) for kind, value in ((CALLING_NUMBER, calling), (CALLED_NUMBER, called)) if value]
    with tunnel_up(lab) as tunnel:
        yield Client(tunnel.call(*numbers), user=user, password=password, methods=['chap']).up()


def counted(state, name):
    return next(row['value'] for row in state.lnsd.rows('control') if (row['group'], row['name']) == ('coa', name))


@case
def disconnect_ends_the_session_that_it_names(lab, state):
    for name in ('Acct-Session-Id', 'User-Name', 'Framed-IP-Address', 'NAS-Port', 'NAS-Port-Id'):
        with dialled(lab) as client:
            row = details(state)
            value = {'Acct-Session-Id': row['acct_session_id'], 'User-Name': row['user'],
                     'Framed-IP-Address': row['address'], 'NAS-Port': row['tunnel'] << 16 | row['session'],
                     'NAS-Port-Id': f"{row['lac_name']}/{row['tunnel']}/{row['session']}/"}[name]
            check_equal(request(state, 'disconnect', (name, value)), 'ACK', name)
            client.gone(8)
    stop = [one for one in eventually(lambda: [one for one in state.one.detail() if one['Acct-Status-Type'] == 'Stop'],
                                      'a Stop')]
    check_equal(stop[-1]['Acct-Terminate-Cause'], 'Admin-Reset', 'Acct-Terminate-Cause')


@case
def a_line_is_named_by_its_numbers_and_by_what_accounting_has(lab, state):
    for name, value in (('Calling-Station-Id', '0301111'), ('Called-Station-Id', '0800-11')):
        with dialled(lab, calling='0301111', called='0800-11') as client:
            check_equal(request(state, 'disconnect', (name, value[:-1])), 'Session-Context-Not-Found', name)
            check_equal(request(state, 'disconnect', (name, value)), 'ACK', name)
            client.gone(8)
    with dialled(lab) as client:
        acct = details(state)['acct_session_id']
        record = eventually(lambda: [one for one in state.one.detail() if one['Acct-Session-Id'] == acct], 'a Start')[0]
        check_equal(record['Acct-Multi-Session-Id'], acct, 'Acct-Multi-Session-Id')
        check_equal(request(state, 'disconnect', ('Acct-Multi-Session-Id', acct)), 'ACK', 'Acct-Multi-Session-Id')
        client.gone(8)


@case
def two_sessions_of_one_number_are_too_many(lab, state):
    with dialled(lab, called='0800', calling='0301') as client, \
            dialled(lab, 'wispr@radius.example', 'rate-password', called='0800', calling='0302') as other:
        for kind, more in (('disconnect', ()), ('coa', (('Session-Timeout', 7200),))):
            check_equal(request(state, kind, ('Called-Station-Id', '0800'), *more),
                        'Multiple-Session-Selection-Unsupported', kind)
        client.ping(FAR)
        check_equal(request(state, 'disconnect', ('Called-Station-Id', '0800'), ('Calling-Station-Id', '0302')),
                    'ACK', 'both')
        other.gone(8)
        client.ping(FAR)
        client.terminate()


@case
def a_disconnect_with_what_is_no_name_is_refused(lab, state):
    with dialled(lab) as client:
        name = ('Acct-Session-Id', details(state)['acct_session_id'])
        for more in (('Delegated-IPv6-Prefix', '2001:db8:1::/56'), ('Framed-IPv6-Address', '2001:db8::1'),
                     ('Filter-Id', 'gold'), ('Reply-Message', '"good bye"')):
            check_equal(request(state, 'disconnect', name, more), 'Unsupported-Attribute', more[0])
        client.ping(FAR)
        client.terminate()


def signed(user, identifier):
    """A Disconnect-Request as it is on the wire."""
    body = struct.pack('!BB', 1, 2 + len(user)) + user.encode() + struct.pack('!BBL', 55, 6, int(time.time()))
    head = struct.pack('!BBH', 40, identifier, 20 + len(body))
    return head + hashlib.md5(head + bytes(16) + body + COA.encode()).digest() + body


@case
def a_recorded_request_ends_no_second_session(lab, state):
    data = signed('alice@radius.example', 77)
    sockets = [udp_socket(lab, 'lns', '127.0.0.1', port) for port in (18401, 18402)]
    answers = []

    def send(at):
        sockets[at].settimeout(5)
        sockets[at].sendto(data, ('127.0.0.1', 3799))
        answers.append(sockets[at].recv(4096))

    with dialled(lab) as client:
        send(0)
        client.gone(8)
    before = counted(state, 'duplicate')
    with dialled(lab) as client:
        send(0)
        send(1)
        check_equal({answer[0] for answer in answers}, {41}, 'Disconnect-ACK')
        check_equal(len(set(answers)), 1, 'one answer')
        check_equal(counted(state, 'duplicate') - before, 2, 'duplicates')
        client.ping(FAR)
        client.terminate()
    for one in sockets:
        one.close()


@case
def everything_that_is_given_must_fit_exactly_one_session(lab, state):
    with dialled(lab) as client, dialled(lab, 'wispr@radius.example', 'rate-password') as other:
        row = details(state)
        check_equal(request(state, 'disconnect', ('User-Name', 'nobody')), 'Session-Context-Not-Found', 'nobody')
        check_equal(request(state, 'disconnect', ('User-Name', row['user']),
                            ('Framed-IP-Address', details(state, 'wispr@radius.example')['address'])),
                    'Session-Context-Not-Found', 'of two sessions')
        check_equal(request(state, 'disconnect', ('NAS-Identifier', 'lns.example')), 'Missing-Attribute', 'no session')
        check_equal(request(state, 'disconnect', ('User-Name', row['user']), ('NAS-Identifier', 'another')),
                    'NAS-Identification-Mismatch', 'another NAS')
        client.ping(FAR)
        other.ping(FAR)
        for one in (client, other):
            one.terminate()


@case
def change_of_rate_and_times_shows_and_an_interim_follows(lab, state):
    with dialled(lab) as client:
        row = details(state)
        name = ('Acct-Session-Id', row['acct_session_id'])
        check_equal(request(state, 'coa', name, ('Filter-Id', 'gold'), ('Session-Timeout', 7200),
                            ('Idle-Timeout', 1200), ('Acct-Interim-Interval', 120)), 'ACK', 'CoA')
        row = details(state)
        for key, value in (('policy', 'gold'), ('up_rate', 5000000), ('down_rate', 50000000),
                           ('session_timeout', 7200), ('idle_timeout', 1200), ('interim_interval', 120)):
            check_equal(row[key], value, key)
        eventually(lambda: [one for one in state.one.detail()
                            if one['Acct-Status-Type'] == 'Interim-Update'
                            and one['Acct-Session-Id'] == row['acct_session_id']], 'an Interim')
        check_equal(request(state, 'coa', name, ('WISPr-Bandwidth-Max-Down', 3000000)), 'ACK', 'CoA of a rate')
        check_equal((details(state)['up_rate'], details(state)['down_rate']), (5000000, 3000000), 'rates')
        client.ping(FAR)
        client.terminate()


def kernel_routes(lab):
    return lab.run('kern', 'ip', 'route', 'show').stdout


@case
def change_of_routes_takes_their_place_here_and_in_the_kernel(lab, state):
    lab.run('inet', 'ip', 'route', 'replace', '198.18.0.0/16', 'via', LNS_CORE)
    with dialled(lab) as client:
        name = ('Acct-Session-Id', details(state)['acct_session_id'])
        for routes in (['198.18.50.0/24 0.0.0.0 5', '198.18.51.0/28'],
                       [f'198.18.50.0/24 {client.address} 7', '198.18.52.0/24'], ['none']):
            check_equal(request(state, 'coa', name, *[('Framed-Route', f'"{route}"') for route in routes]), 'ACK', str(routes))
            wanted = {route.split()[0] for route in routes if route != 'none'}
            row = details(state)
            check_equal({text.split()[0] for text in row['routes']}, wanted, 'routes')
            check_equal({text for text in row['prefixes'] if text.startswith('198.18.')}, wanted, 'prefixes')
            eventually(lambda: {word for word in kernel_routes(lab).split() if word.startswith('198.18.')} == wanted,
                       f'the kernel has {wanted}: {kernel_routes(lab)}')
            for prefix in wanted:  # from behind the subscriber's router to the internet, and back
                source = prefix.split('/')[0].rsplit('.', 1)[0] + '.1'
                own, client.address = client.address, source
                client.ping(FAR)
                client.address = own
        client.ping(FAR)
        check_equal(request(state, 'coa', name, ('Framed-Route', '"198.18.50.0/24 192.0.2.9"')), 'Invalid-Attribute-Value',
                    'a gateway elsewhere')
        check_equal(request(state, 'coa', name, ('Framed-IPv6-Route', '"2001:db8:77::/48"')), 'Invalid-Request',
                    'IPv6 of a session without')
        check_equal(details(state)['routes'], [], 'routes')
        client.terminate()


@case
def change_that_cannot_be_done_changes_nothing(lab, state):
    with dialled(lab) as client:
        before = details(state)
        name = ('Acct-Session-Id', before['acct_session_id'])
        for attributes, cause in (([('Filter-Id', 'nothing')], 'Invalid-Attribute-Value'),
                                  ([('Session-Timeout', 60), ('Reply-Message', 'x')], 'Unsupported-Attribute'),
                                  ([], 'Missing-Attribute')):
            check_equal(request(state, 'coa', name, *attributes), cause, str(attributes))
        check_equal(details(state)['session_timeout'], before['session_timeout'], 'Session-Timeout')
        client.terminate()


@case
def requests_of_others_and_old_ones_are_not_heard(lab, state):
    with dialled(lab) as client:
        name = ('User-Name', 'alice@radius.example')
        check_equal(request(state, 'disconnect', name, secret='wrong'), '', 'a wrong secret')
        check(counted(state, 'wrong-authenticator') >= 1, 'wrong-authenticator')
        check_equal(request(state, 'disconnect', name, stamp=-400), '', 'an old request')
        check(counted(state, 'outside-of-window') >= 1, 'outside-of-window')
        client.ping(FAR)
        client.terminate()


main(setup, finish)
