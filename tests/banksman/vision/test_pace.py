from banksman.vision.pace import KEPT, Pace


def test_quantiles_are_of_the_newest_inspections():
    pace = Pace()
    assert pace.quantile_ms(0.99) == 0.0
    for number in range(KEPT + 100):
        pace.add((number + 1) * 1_000_000)
    assert pace.quantile_ms(0.0) == 101.0
    assert pace.quantile_ms(0.5) == 101.0 + KEPT // 2
    assert pace.quantile_ms(1.0) == KEPT + 100.0
