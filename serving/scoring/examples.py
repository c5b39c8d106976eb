"""Examples of the described API: one question and one answer of every operation, as a sealed month gives them."""

from typing import Any

ENTITY, MONTH = "91360102MA0DEM021Y", "2026-03"
DIGEST, SIGNATURE = "9f" * 32, "0a" * 64
SYSTEM = {"version": "2026.1", "digest": DIGEST}
CONTEXT = {
    "month": MONTH,
    "scheme": DIGEST,
    "indicators": SYSTEM,
    "notice": "内部参考，不作为信用评价",
    "notice_en": "For internal reference; not an evaluation of anyone's credit",
}
CLASS: dict[str, Any] = {
    **CONTEXT,
    "entity": ENTITY,
    "status": "classified",
    "supplement": 0,
    "kind": "enterprise",
    "class": "C",
    "model_class": "C",
    "class_before": "B",
    "cause": "adverse",
    "rules": [],
    "measures": None,
}
REASON = {
    "code": "S1-penalties_2y",
    "text": "近24个月受到2次行政处罚",
    "text_en": "2 administrative penalties in the last 24 months",
    "value": "2.000000000000",
    "contribution": "87.000000000000",
    "records": ["r0001"],
    "evidence": [
        {
            "record": "r0001",
            "record_type": "penalty",
            "number": "〔2026〕118号",
            "date": "2026-02-03",
            "known_since": "2026-02-08",
            "source": "amr",
        }
    ],
}
OWN_ACT = {
    "act": "fulfil_penalty",
    "label": "履行行政处罚决定（缴清罚没款）",
    "label_en": "fulfil the penalty decision",
    "basis": "《行政处罚法》第六十六条",
    "record_type": "penalty",
    "records": ["r0001"],
}
HEAD = {
    "sequence": 2,
    "month": MONTH,
    "supplement": 0,
    "rows": 4,
    "root": DIGEST,
    "scheme": DIGEST,
    "manifest": DIGEST,
    "lake": DIGEST,
    "previous": DIGEST,
}
ACT = {"by": "li", "at": "2026-03-02T09:00:00+08:00", "action": "promotion.approved"}
NUMBER = "3f" * 13
SENT = {"Idempotency-Key": "5b1c2f0e-6a0e-4a57-9d2f-0d6f6a6d7a11"}
JOB: dict[str, Any] = {
    "job": NUMBER,
    "state": "queued",
    "explain": "none",
    "made": "2026-04-09T09:00:00+08:00",
    "rows": None,
    "rejected": None,
    "done": 0,
    "month": None,
    "scheme": None,
    "files": [],
    "fault": None,
}
DISPUTE: dict[str, Any] = {
    "dispute": NUMBER,
    "entity": ENTITY,
    "month": MONTH,
    "kind": "record",
    "about": {"record": "r0001"},
    "state": "open",
    "opened": "2026-04-09T09:00:00+08:00",
    "due": "2026-04-29",
    "closed": None,
    "reply": None,
}
OF_ENTITY = {"entity": ENTITY, "period": MONTH}

EXAMPLES: dict[str, dict[str, Any]] = {
    "scores": {
        "body": {"subjects": [{"entity": ENTITY}], "explain": "none"},
        "answer": {
            **CONTEXT,
            "results": [
                {
                    "entity": ENTITY,
                    "status": "scored",
                    "class": "C",
                    "model_class": "C",
                    "rules": [],
                    "official": {"month": MONTH, "supplement": 0, "class": "C"},
                },
                {"status": "not_found"},
            ],
        },
    },
    "class": {"parameters": OF_ENTITY, "answer": CLASS},
    "explanation": {
        "parameters": OF_ENTITY,
        "answer": {
            **CLASS,
            "contributions": {
                "penalties_2y": "87.000000000000",
                "age_months": "-100.000000000000",
                "系统内部标注信息": "13.000000000000",
            },
            "contributions_in": "share",
            "reasons": [REASON],
            "change": None,
            "data_gaps": [],
            "latest_delivery": [],
        },
    },
    "recourse": {
        "parameters": OF_ENTITY,
        "answer": {
            **CONTEXT,
            "entity": ENTITY,
            "state": "ways",
            "class_by_cutoffs_and_rules": "C",
            "could": [OWN_ACT],
            "not_tried": 0,
            "ways": [{"class": "B", "acts": [OWN_ACT]}],
            "internal": False,
            "remark": "所称类别是按分界值和规则得出的。",
            "remark_en": "The class named is what cutoffs and rules say.",
        },
    },
    "history": {
        "parameters": {"entity": ENTITY},
        "answer": {
            **CONTEXT,
            "entity": ENTITY,
            "history": [
                {
                    "month": MONTH,
                    "supplement": 0,
                    "scheme": DIGEST,
                    "indicators": SYSTEM,
                    "status": "classified",
                    "class": "C",
                    "class_before": "B",
                    "cause": "adverse",
                }
            ],
        },
    },
    "proof": {
        "parameters": OF_ENTITY,
        "answer": {
            "entity": ENTITY,
            "row": "MR85MTM2MDEwMk1BMERFTTAyMVk=",
            "salt": DIGEST,
            "index": 0,
            "path": [DIGEST, DIGEST],
            "head": HEAD,
            "signature": SIGNATURE,
            "publisher": DIGEST,
        },
    },
    "classes": {
        "parameters": {"period": MONTH, "region": "3601"},
        "answer": {
            **CONTEXT,
            "head": DIGEST,
            "items": [
                {
                    "entity": ENTITY,
                    "kind": "enterprise",
                    "region": "360102",
                    "status": "classified",
                    "supplement": 0,
                    "class": "C",
                    "class_before": "B",
                    "cause": "adverse",
                }
            ],
            "next": None,
        },
    },
    "head": {
        "parameters": {"month": MONTH},
        "answer": {
            "month": MONTH,
            "digest": DIGEST,
            "publisher": DIGEST,
            "heads": [{"head": HEAD, "digest": DIGEST, "signature": SIGNATURE}],
        },
    },
    "active_model": {
        "parameters": {"at": "2026-03-31"},
        "answer": {
            "at": "2026-03-31",
            "scheme": DIGEST,
            "since": "2026-03-02T09:00:00+08:00",
            "proposed": {**ACT, "by": "wang", "action": "promotion.proposed"},
            "decided": ACT,
            "verdict": "promote",
            "verdict_digest": DIGEST,
            "report_digest": DIGEST,
            "reason": None,
        },
    },
    "reason_codes": {
        "parameters": {"version": "2026.1"},
        "answer": {
            "indicators": SYSTEM,
            "codes": [
                {
                    "code": "S1-penalties_2y",
                    "label": "行政处罚次数（近24个月）",
                    "label_en": "administrative penalties in the last 24 months",
                    "indicator": "penalties_2y",
                    "rule": None,
                    "section": "S1",
                    "dimension": "supervision",
                    "visibility": "publishable",
                }
            ],
        },
    },
    "make_job": {
        "parameters": SENT,
        "body": {"entities": [ENTITY]},
        "answer": JOB,
    },
    "job": {
        "parameters": {"job": NUMBER},
        "answer": {
            **JOB,
            "state": "done",
            "rows": 1,
            "rejected": 0,
            "done": 1,
            "month": MONTH,
            "scheme": DIGEST,
            "files": [{"name": "results.csv", "rows": 1, "bytes": 187, "sha256": DIGEST}],
        },
    },
    "job_file": {"parameters": {"job": NUMBER, "name": "results.csv"}},
    "inspection_results": {
        "parameters": SENT,
        "body": {
            "results": [
                {
                    "entity": ENTITY,
                    "inspection": {"inspection_no": "ND-2026-0412", "inspected_date": "2026-04-09", "results": ["02"]},
                    "findings": [{"finding_no": "1", "found_date": "2026-04-09", "severity": 1}],
                },
                {"entity": "nobody", "inspection": {"inspection_no": "ND-2026-0413"}},
            ]
        },
        "answer": {
            "accepted": 0,
            "duplicate": 0,
            "rejected": 1,
            "not_found": 1,
            "outcomes": [
                {
                    "outcome": "rejected",
                    "errors": [{"pointer": "/results/0/inspection/origin", "code": "required_missing"}],
                },
                {"outcome": "not_found", "errors": []},
            ],
        },
    },
    "dispute": {
        "parameters": SENT,
        "body": {
            "entity": ENTITY,
            "month": MONTH,
            "kind": "record",
            "about": {"record": "r0001"},
            "statement": "该处罚已于2026年3月20日撤销。",
        },
        "answer": DISPUTE,
    },
    "dispute_state": {"parameters": {"dispute": NUMBER}, "answer": DISPUTE},
}
