"""Simulated products whose true effects are known: what the method is judged against.

The structural model. Account i has observed traits x_i (channel, plan, country, device), two
intents that its traits move, and for some worlds a third that they do not:

    keenness u_i = sum of trait effects + 0.9 e_i        need v_i, hidden h_i ~ N(0, 1)

It signs up on a day of the log, meets the core event after a log-normal delay (t0, some never do)
and stays for a first life of D_i days,

    log D_i = 1.5 + 0.8 u_i + 1.1 e'_i

with a visit at t0 and further ones, at a decaying rate in proportion to exp(0.3 u_i), until D_i or
day 28. At each of its S_i visits it does behaviour e a Poisson number of times, of mean

    r_ie * taste_ie,    r_ie = rate_e * exp(a_e u_i + b_e v_i + c_e h_i + traits),

with tastes from a Gamma distribution of mean 1 (r_ie S_i is held at a behaviour's most, as a rule
30). Some behaviours belong to the first visit alone, immortal ones to visits after some days, so
that only who stays can do them; passive ones happen to an account whether it visits or not; a child
is a random part of its parent's occurrences; gamed ones are repeated dozens of times by a few.
Given u, v, h, D and the visits, the number of times that an account did e within X days is negative
binomial with mean r_ie * (visits within X), for the core event one more: exactly known.

The account is retained with probability

    logit p_i = c + a u_i + b v_i + d h_i + f life(D_i) + sum over causal e of beta_ie g_e(n_ie)

where n_ie counts e in the first X_e days, g_e is a step at k_e (threshold) or log(1 + n) up to a
most (dose-response), and beta_ie may hold for one segment only or fade over cohorts. No other
behaviour is in this equation: their true effect is zero, whatever the plain counts say. Exactly the
retained have core events in the outcome window, go on for months, and pay from `onset_days` on.

Worlds with a shape have columns besides (`shape.py`, `columns.py`): none of them changes how often
anything is done. What is done hundreds of times is packed into a row per account, user and hour,
and counted by its sum.

The true lift of "at least k times within X" is defined in `truth.py`.
"""
