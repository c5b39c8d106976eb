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
    "contribution": "0.612000000000",
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
            "contributions": {"penalties_2y": "0.612000000000", "系统内部标注信息": "0.000000000000"},
            "reasons": [REASON],
            "change": None,
            "data_gaps": [],
            "latest_delivery": [],
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
}
