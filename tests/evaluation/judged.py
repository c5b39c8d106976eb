"""A small place whose schemes are judged: settings of its profile, and how many entities it has."""

from datetime import date

KNOWN_BY = date(2025, 12, 31)
KINDS = {"shop", "stall"}
SHARES = {
    "shares": {"A": 0.6, "B": 0.28, "C": 0.08, "D": 0.04},
    "guard": {"A": [0.3, 0.9], "B": [0.1, 0.5], "C": [0.0, 0.3], "D": [0.0, 0.3]},
}
TABLES = {
    "outcomes": [
        {
            "code": "violation",
            "label": "违法",
            "framing": "detected",
            "horizon_months": 12,
            "settle_days": 60,
            "lookback_months": 24,
            "any_of": [{"record_type": "event", "where": [["severity", ">=", 2]]}],
            "open_case": [{"record_type": "event", "where": [["due", "present"], ["done", "missing"]]}],
            "controls": ["visits_12m"],
        },
        {
            "code": "found",
            "label": "查实",
            "framing": "given_inspection",
            "event": {"record_type": "event", "where": [["item", "==", "I3"]]},
            "positive": [["verified", "==", 1]],
            "controls": [],
            "event_controls": [{"field": "trade", "list": "trades"}],
        },
    ],
    "model": {
        "sample": {"rate": 0.5, "seed": "small", "not_trained": []},
        "dates": {
            "fit": 2, "calibration": 1, "test": 1, "step_months": 6, "gap_months": 12, "earliest": date(2020, 6, 30),
        },
        "periods": {"since": date(2021, 1, 1), "calibration_months": 18, "test_months": 12},
        "trees": {
            "count": 20, "seeds": [1], "learning_rate": 0.1, "depth": 3, "leaves": 8, "min_rows": 10,
            "feature_share": 0.8, "row_share": 1.0, "l2": 1.0, "monotone_method": "basic",
        },
        "calibration": {"min_positives": 20},
        "logistic": {"strength": 0.1},
    },
    "rules": [
        {"code": "H1", "label": "列入", "when": [["listed_now", ">=", 1]], "at_least": "D", "basis": "条例",
         "since": date(2020, 1, 1)},
    ],
    "classes": {"targets": [{"since": date(2020, 1, 1), "kinds": dict.fromkeys(KINDS, SHARES)}]},
    "steadiness": [
        {"since": date(2020, 1, 1), "margin": 0.1, "steps_better": 1, "adverse": [{"record_type": "event"}]},
    ],
    "random_draw": {
        "record_type": "visit",
        "origin": {"field": "origin", "codes": ["lot"]},
        "method": {"field": "method", "onsite": ["here"]},
        "results": "results",
        "clean": ["01", "02"],
        "substantive": ["09"],
        "substantive_with_finding": {
            "codes": ["02"], "record_type": "visit_finding", "field": "severity", "severity": 2,
        },
        "indeterminate": ["03"],
        "out_of_scope": ["05"],
        "inclusion_probability": "chance",
    },
    "catalogue/visit": {
        "record_type": "visit", "label": "抽查", "version": 1, "items": ["I3"], "subject": "entity",
        "event_date": "visited", "key": ["number"], "visibility": "publishable", "basis": "条例",
        "fields": {
            "number": {"label": "编号", "type": "text", "required": True},
            "visited": {"label": "日期", "type": "date", "required": True},
            "origin": {"label": "来源", "type": "text"},
            "method": {"label": "方式", "type": "text"},
            "results": {"label": "结果", "type": "text"},
            "chance": {"label": "概率", "type": "decimal", "scale": 6},
        },
    },
    "catalogue/visit_finding": {
        "record_type": "visit_finding", "label": "发现", "version": 1, "items": ["I3"], "subject": "record",
        "parent": {"record_type": "visit", "field": "number", "key": "number"},
        "event_date": "found", "key": ["number", "line"], "visibility": "publishable", "basis": "条例",
        "fields": {
            "number": {"label": "编号", "type": "text", "required": True},
            "line": {"label": "序号", "type": "text", "required": True},
            "found": {"label": "日期", "type": "date", "required": True},
            "severity": {"label": "程度", "type": "int"},
        },
    },
}  # fmt: skip
NUMBER = 500
