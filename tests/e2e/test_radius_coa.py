# SPDX-License-Identifier: BSD-3-Clause
# e2e: sanitize limit 300
"""Disconnect and change of authorization (RFC 5176) by radclient."""
import contextlib
import time
import types

import load
from dial import tunnel_up
from freeradius import FreeRadius
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
    config['radius-clients'] = [{'name': 'portal', 'sources': ['127.0.0.1'], 'secret': COA}]
    config['radius'] = {'nas-address': '192.0.2.1', 'spool': lab.path('spool')}
    return types.SimpleNamespace(lnsd=Lnsd(lab, config).start(), one=one)


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
def dialled(lab, user='alice@radius.example', password='alice-password'):
    with tunnel_up(lab) as tunnel:
        yield Client(tunnel.call(), user=user, password=password, methods=['chap']).up()


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
    def counted(name):
        return next(row['value'] for row in state.lnsd.rows('control') if (row['group'], row['name']) == ('coa', name))

    with dialled(lab) as client:
        name = ('User-Name', 'alice@radius.example')
        check_equal(request(state, 'disconnect', name, secret='wrong'), '', 'a wrong secret')
        check(counted('wrong-authenticator') >= 1, 'wrong-authenticator')
        check_equal(request(state, 'disconnect', name, stamp=-400), '', 'an old request')
        check(counted('outside-of-window') >= 1, 'outside-of-window')
        client.ping(FAR)
        client.terminate()


main(setup, finish)
