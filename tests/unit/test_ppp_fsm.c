/* SPDX-License-Identifier: BSD-3-Clause */
/* The automaton's table is RFC 1661 section 4.1, transcribed here a second time as the RFC prints it. */
#include "ppp_fsm.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Action/new-state as in the RFC, letters of the footnotes included; "-" is not possible. */
static const char *const table[PPP_EVENTS][PPP_STATES] = {
	/* clang-format off */
	/*                 0        1            2            3               4        5        6            7            8            9 */
	[PPP_UP] =        {"2",     "irc,scr/6", "-",         "-",            "-",     "-",     "-",         "-",         "-",         "-"},
	[PPP_DOWN] =      {"-",     "-",         "0",         "tls/1",        "0",     "1",     "1",         "1",         "1",         "tld/1"},
	[PPP_OPEN] =      {"tls/1", "1",         "irc,scr/6", "3r",           "5r",    "5r",    "6",         "7",         "8",         "9r"},
	[PPP_CLOSE] =     {"0",     "tlf/0",     "2",         "2",            "4",     "4",     "irc,str/4", "irc,str/4", "irc,str/4", "tld,irc,str/4"},
	[PPP_TO_PLUS] =   {"-",     "-",         "-",         "-",            "str/4", "str/5", "scr/6",     "scr/6",     "scr/8",     "-"},
	[PPP_TO_MINUS] =  {"-",     "-",         "-",         "-",            "tlf/2", "tlf/3", "tlf/3p",    "tlf/3p",    "tlf/3p",    "-"},
	[PPP_RCR_PLUS] =  {"-",     "-",         "sta/2",     "irc,scr,sca/8", "4",    "5",     "sca/8",     "sca,tlu/9", "sca/8",     "tld,scr,sca/8"},
	[PPP_RCR_MINUS] = {"-",     "-",         "sta/2",     "irc,scr,scn/6", "4",    "5",     "scn/6",     "scn/7",     "scn/6",     "tld,scr,scn/6"},
	[PPP_RCA] =       {"-",     "-",         "sta/2",     "sta/3",        "4",     "5",     "irc/7",     "scr/6x",    "irc,tlu/9", "tld,scr/6x"},
	[PPP_RCN] =       {"-",     "-",         "sta/2",     "sta/3",        "4",     "5",     "irc,scr/6", "scr/6x",    "irc,scr/8", "tld,scr/6x"},
	[PPP_RTR] =       {"-",     "-",         "sta/2",     "sta/3",        "sta/4", "sta/5", "sta/6",     "sta/6",     "sta/6",     "tld,zrc,sta/5"},
	[PPP_RTA] =       {"-",     "-",         "2",         "3",            "tlf/2", "tlf/3", "6",         "6",         "8",         "tld,scr/6"},
	[PPP_RUC] =       {"-",     "-",         "scj/2",     "scj/3",        "scj/4", "scj/5", "scj/6",     "scj/7",     "scj/8",     "scj/9"},
	[PPP_RXJ_PLUS] =  {"-",     "-",         "2",         "3",            "4",     "5",     "6",         "6",         "8",         "9"},
	[PPP_RXJ_MINUS] = {"-",     "-",         "tlf/2",     "tlf/3",        "tlf/2", "tlf/3", "tlf/3",     "tlf/3",     "tlf/3",     "tld,irc,str/5"},
	[PPP_RXR] =       {"-",     "-",         "2",         "3",            "4",     "5",     "6",         "7",         "8",         "ser/9"},
	/* clang-format on */
};

static const struct {
	const char *name;
	unsigned action;
} actions[] = {
	{"tlu", PPP_TLU},
	{"tld", PPP_TLD},
	{"tls", PPP_TLS},
	{"tlf", PPP_TLF},
	{"irc", PPP_IRC},
	{"zrc", PPP_ZRC},
	{"scr", PPP_SCR},
	{"sca", PPP_SCA},
	{"scn", PPP_SCN},
	{"str", PPP_STR},
	{"sta", PPP_STA},
	{"scj", PPP_SCJ},
	{"ser", PPP_SER},
};

Test(ppp_fsm, every_cell_is_the_rfcs)
{
	for (int e = 0; e < PPP_EVENTS; e++) {
		for (int s = 0; s < PPP_STATES; s++) {
			const struct ppp_fsm_step *step = ppp_fsm_step(s, e);
			const char *cell = table[e][s], *slash = strchr(cell, '/');
			unsigned expected = 0;

			cr_assert_eq(
				step->possible, strcmp(cell, "-") != 0, "event %d state %d", e, s);
			if (!step->possible)
				continue;
			for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
				const char *found = strstr(cell, actions[i].name);

				if (found != NULL)
					expected |= actions[i].action;
			}
			cr_assert_eq(step->actions, expected, "actions of event %d state %d", e, s);
			cr_assert_eq(step->next, atoi(slash != NULL ? slash + 1 : cell),
				"next of event %d state %d", e, s);
		}
	}
}

Test(ppp_fsm, states_have_the_rfcs_names)
{
	cr_assert_str_eq(ppp_fsm_state_name(PPP_INITIAL), "Initial");
	cr_assert_str_eq(ppp_fsm_state_name(PPP_REQ_SENT), "Req-Sent");
	cr_assert_str_eq(ppp_fsm_state_name(PPP_OPENED), "Opened");
	cr_assert_str_eq(ppp_fsm_state_name(PPP_STATES), "?");
}
