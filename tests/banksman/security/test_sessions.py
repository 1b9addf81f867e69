from banksman.security.sessions import ABSOLUTE_S, IDLE_S, MAX_SESSIONS, Sessions

S = 1_000_000_000


def test_a_session_is_found_by_its_token_only() -> None:
    sessions = Sessions()
    begun = sessions.begin("token", "csrf", "operator", "a", S)
    assert sessions.find("token", S) is begun
    assert sessions.find("other", S) is None
    assert sessions.find("", S) is None


def test_an_idle_session_ends() -> None:
    sessions = Sessions()
    sessions.begin("token", "csrf", "operator", "a", S)
    assert sessions.find("token", S + round(IDLE_S * S)) is None


def test_use_keeps_a_session_alive_but_not_past_its_absolute_end() -> None:
    sessions = Sessions()
    sessions.begin("token", "csrf", "operator", "a", 0)
    step_s = IDLE_S - 1
    now_s = 0.0
    while sessions.find("token", round(now_s * S)) is not None:
        now_s += step_s
    assert ABSOLUTE_S <= now_s < ABSOLUTE_S + step_s + 1


def test_a_look_without_touch_does_not_count_as_use() -> None:
    sessions = Sessions()
    sessions.begin("token", "csrf", "operator", "a", 0)
    sessions.find("token", round((IDLE_S - 1) * S), touch=False)
    assert sessions.find("token", round((IDLE_S + 1) * S)) is None


def test_one_more_than_the_limit_ends_the_longest_idle() -> None:
    sessions = Sessions()
    for number in range(MAX_SESSIONS):
        sessions.begin(f"token {number}", "csrf", "operator", "a", number)
    sessions.find("token 0", MAX_SESSIONS)
    sessions.begin("one more", "csrf", "operator", "a", MAX_SESSIONS + 1)
    assert len(sessions) == MAX_SESSIONS
    assert sessions.find("token 0", MAX_SESSIONS + 2) is not None
    assert sessions.find("token 1", MAX_SESSIONS + 2) is None


def test_the_table_does_not_hold_the_token_itself() -> None:
    sessions = Sessions()
    sessions.begin("very secret token", "csrf", "operator", "a", S)
    assert b"very secret token" not in b"".join(sessions._by_digest)


def test_ending_all_logs_everyone_out() -> None:
    sessions = Sessions()
    sessions.begin("token", "csrf", "operator", "a", S)
    sessions.end_all()
    assert sessions.find("token", S) is None
