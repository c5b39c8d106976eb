SELECT
  "t1"."entity",
  MAX(
    CASE
      WHEN "t1"."event_date" IS NOT NULL
      THEN (
        DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t1"."event_date") * 35184372088832
      ) + (
        CASE "t1"."kind"
          WHEN 'enterprise'
          THEN 0
          WHEN 'individual_business'
          THEN 1
          WHEN 'cooperative'
          THEN 2
          ELSE NULL
        END + 17592186044416
      )
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a0",
  MAX(
    CASE
      WHEN "t1"."event_date" IS NOT NULL
      THEN (
        DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t1"."event_date") * 35184372088832
      ) + (
        CASE "t1"."legal_form"
          WHEN '1100'
          THEN 0
          WHEN '1110'
          THEN 1
          WHEN '1130'
          THEN 2
          WHEN '1140'
          THEN 3
          WHEN '1150'
          THEN 4
          WHEN '1151'
          THEN 5
          WHEN '1152'
          THEN 6
          WHEN '1153'
          THEN 7
          WHEN '1190'
          THEN 8
          WHEN '1200'
          THEN 9
          WHEN '2000'
          THEN 10
          WHEN '3000'
          THEN 11
          WHEN '4530'
          THEN 12
          WHEN '4550'
          THEN 13
          WHEN '5000'
          THEN 14
          WHEN '6000'
          THEN 15
          WHEN '7000'
          THEN 16
          WHEN '9100'
          THEN 17
          WHEN '9200'
          THEN 18
          WHEN '9500'
          THEN 19
          ELSE NULL
        END + 17592186044416
      )
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a1",
  COUNT(*) FILTER(WHERE
    "t1"."is_branch" = 1) AS "a2",
  MIN(
    CASE
      WHEN "t1"."event_date" IS NOT NULL
      THEN DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t1"."est_date")
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a3",
  COUNT(*) FILTER(WHERE
    (
      DATE_DIFF('DAY', "t1"."operating_to", MAKE_DATE(2025, 6, 30)) > 0
    )
    AND (
      "t1"."status" = 'active'
    )) AS "a4",
  COUNT(*) FILTER(WHERE
    "t1"."sensitive_wording" = 1) AS "a5",
  MAX(
    CASE
      WHEN "t1"."event_date" IS NOT NULL
      THEN (
        DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t1"."event_date") * 35184372088832
      ) + (
        "t1"."scope_licensed_items" + 17592186044416
      )
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a6",
  MAX(
    CASE
      WHEN "t1"."event_date" IS NOT NULL
      THEN (
        DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t1"."event_date") * 35184372088832
      ) + (
        "t1"."reg_capital" + 17592186044416
      )
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a7",
  MAX(
    CASE
      WHEN "t1"."event_date" IS NOT NULL
      THEN (
        DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t1"."event_date") * 35184372088832
      ) + (
        CASE "t1"."industry_section"
          WHEN 'A'
          THEN 0
          WHEN 'B'
          THEN 1
          WHEN 'C'
          THEN 2
          WHEN 'D'
          THEN 3
          WHEN 'E'
          THEN 4
          WHEN 'F'
          THEN 5
          WHEN 'G'
          THEN 6
          WHEN 'H'
          THEN 7
          WHEN 'I'
          THEN 8
          WHEN 'J'
          THEN 9
          WHEN 'K'
          THEN 10
          WHEN 'L'
          THEN 11
          WHEN 'M'
          THEN 12
          WHEN 'N'
          THEN 13
          WHEN 'O'
          THEN 14
          WHEN 'P'
          THEN 15
          WHEN 'Q'
          THEN 16
          WHEN 'R'
          THEN 17
          WHEN 'S'
          THEN 18
          WHEN 'T'
          THEN 19
          ELSE NULL
        END + 17592186044416
      )
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a8",
  COUNT(*) FILTER(WHERE
    "t1"."digital_core" = 1) AS "a9",
  MAX(
    CASE
      WHEN "t1"."event_date" IS NOT NULL
      THEN (
        DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t1"."event_date") * 35184372088832
      ) + (
        CASE "t1"."region"
          WHEN '360000'
          THEN 0
          WHEN '360100'
          THEN 1
          WHEN '360200'
          THEN 2
          WHEN '360300'
          THEN 3
          WHEN '360400'
          THEN 4
          WHEN '360500'
          THEN 5
          WHEN '360600'
          THEN 6
          WHEN '360700'
          THEN 7
          WHEN '360800'
          THEN 8
          WHEN '360900'
          THEN 9
          WHEN '361000'
          THEN 10
          WHEN '361100'
          THEN 11
          WHEN '360102'
          THEN 12
          WHEN '360103'
          THEN 13
          WHEN '360104'
          THEN 14
          WHEN '360111'
          THEN 15
          WHEN '360112'
          THEN 16
          WHEN '360113'
          THEN 17
          WHEN '360121'
          THEN 18
          WHEN '360123'
          THEN 19
          WHEN '360124'
          THEN 20
          WHEN '360202'
          THEN 21
          WHEN '360203'
          THEN 22
          WHEN '360222'
          THEN 23
          WHEN '360281'
          THEN 24
          WHEN '360302'
          THEN 25
          WHEN '360313'
          THEN 26
          WHEN '360321'
          THEN 27
          WHEN '360322'
          THEN 28
          WHEN '360323'
          THEN 29
          WHEN '360402'
          THEN 30
          WHEN '360403'
          THEN 31
          WHEN '360404'
          THEN 32
          WHEN '360423'
          THEN 33
          WHEN '360424'
          THEN 34
          WHEN '360425'
          THEN 35
          WHEN '360426'
          THEN 36
          WHEN '360428'
          THEN 37
          WHEN '360429'
          THEN 38
          WHEN '360430'
          THEN 39
          WHEN '360481'
          THEN 40
          WHEN '360482'
          THEN 41
          WHEN '360483'
          THEN 42
          WHEN '360502'
          THEN 43
          WHEN '360521'
          THEN 44
          WHEN '360602'
          THEN 45
          WHEN '360603'
          THEN 46
          WHEN '360681'
          THEN 47
          WHEN '360702'
          THEN 48
          WHEN '360703'
          THEN 49
          WHEN '360704'
          THEN 50
          WHEN '360722'
          THEN 51
          WHEN '360723'
          THEN 52
          WHEN '360724'
          THEN 53
          WHEN '360725'
          THEN 54
          WHEN '360726'
          THEN 55
          WHEN '360728'
          THEN 56
          WHEN '360729'
          THEN 57
          WHEN '360730'
          THEN 58
          WHEN '360731'
          THEN 59
          WHEN '360732'
          THEN 60
          WHEN '360733'
          THEN 61
          WHEN '360734'
          THEN 62
          WHEN '360735'
          THEN 63
          WHEN '360781'
          THEN 64
          WHEN '360783'
          THEN 65
          WHEN '360802'
          THEN 66
          WHEN '360803'
          THEN 67
          WHEN '360821'
          THEN 68
          WHEN '360822'
          THEN 69
          WHEN '360823'
          THEN 70
          WHEN '360824'
          THEN 71
          WHEN '360825'
          THEN 72
          WHEN '360826'
          THEN 73
          WHEN '360827'
          THEN 74
          WHEN '360828'
          THEN 75
          WHEN '360829'
          THEN 76
          WHEN '360830'
          THEN 77
          WHEN '360881'
          THEN 78
          WHEN '360902'
          THEN 79
          WHEN '360921'
          THEN 80
          WHEN '360922'
          THEN 81
          WHEN '360923'
          THEN 82
          WHEN '360924'
          THEN 83
          WHEN '360925'
          THEN 84
          WHEN '360926'
          THEN 85
          WHEN '360981'
          THEN 86
          WHEN '360982'
          THEN 87
          WHEN '360983'
          THEN 88
          WHEN '361002'
          THEN 89
          WHEN '361003'
          THEN 90
          WHEN '361021'
          THEN 91
          WHEN '361022'
          THEN 92
          WHEN '361023'
          THEN 93
          WHEN '361024'
          THEN 94
          WHEN '361025'
          THEN 95
          WHEN '361026'
          THEN 96
          WHEN '361027'
          THEN 97
          WHEN '361028'
          THEN 98
          WHEN '361030'
          THEN 99
          WHEN '361102'
          THEN 100
          WHEN '361103'
          THEN 101
          WHEN '361104'
          THEN 102
          WHEN '361123'
          THEN 103
          WHEN '361124'
          THEN 104
          WHEN '361125'
          THEN 105
          WHEN '361126'
          THEN 106
          WHEN '361127'
          THEN 107
          WHEN '361128'
          THEN 108
          WHEN '361129'
          THEN 109
          WHEN '361130'
          THEN 110
          WHEN '361181'
          THEN 111
          WHEN '360105'
          THEN 112
          WHEN '360122'
          THEN 113
          WHEN '360421'
          THEN 114
          WHEN '360427'
          THEN 115
          WHEN '360622'
          THEN 116
          WHEN '360721'
          THEN 117
          WHEN '360727'
          THEN 118
          WHEN '360782'
          THEN 119
          WHEN '361029'
          THEN 120
          WHEN '361121'
          THEN 121
          WHEN '361122'
          THEN 122
          ELSE NULL
        END + 17592186044416
      )
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a10",
  COUNT(*) FILTER(WHERE
    REGEXP_MATCHES("t1"."licences_required", '\|(food_production)\|')) AS "a11",
  COUNT(*) FILTER(WHERE
    REGEXP_MATCHES("t1"."licences_required", '\|(food_operation)\|')) AS "a12",
  COUNT(*) FILTER(WHERE
    REGEXP_MATCHES("t1"."licences_required", '\|(drug_operation)\|')) AS "a13",
  COUNT(*) FILTER(WHERE
    REGEXP_MATCHES("t1"."licences_required", '\|(device_operation)\|')) AS "a14",
  COUNT(*) FILTER(WHERE
    REGEXP_MATCHES("t1"."licences_required", '\|(special_equipment_production)\|')) AS "a15",
  COUNT(*) FILTER(WHERE
    REGEXP_MATCHES("t1"."licences_required", '\|(industrial_product)\|')) AS "a16",
  COUNT(*) FILTER(WHERE
    REGEXP_MATCHES("t1"."licences_required", '\|(hazardous_chemicals)\|')) AS "a17",
  COUNT(*) FILTER(WHERE
    REGEXP_MATCHES("t1"."licences_required", '\|(road_transport)\|')) AS "a18",
  COUNT(*) FILTER(WHERE
    REGEXP_MATCHES("t1"."licences_required", '\|(medical_institution)\|')) AS "a19",
  COUNT(*) FILTER(WHERE
    REGEXP_MATCHES("t1"."licences_required", '\|(human_resources)\|')) AS "a20",
  MAX(
    CASE
      WHEN "t1"."event_date" IS NOT NULL
      THEN (
        DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t1"."event_date") * 35184372088832
      ) + (
        CASE "t1"."status"
          WHEN 'active'
          THEN 0
          WHEN 'suspended'
          THEN 1
          WHEN 'revoked'
          THEN 2
          WHEN 'revoked_deregistered'
          THEN 3
          WHEN 'deregistered'
          THEN 4
          WHEN 'voided'
          THEN 5
          WHEN 'moved_out'
          THEN 6
          ELSE NULL
        END + 17592186044416
      )
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a21",
  COUNT(*) FILTER(WHERE
    "t1"."status" = 'suspended') AS "a22",
  COUNT(*) FILTER(WHERE
    "t1"."status" = 'revoked') AS "a23"
FROM (
  SELECT
    "t0"."entity",
    "t0"."known_at",
    "t0"."superseded_at",
    "t0"."event_date",
    "t0"."withdrawn_date",
    "t0"."repair_date",
    "t0"."kind",
    "t0"."legal_form",
    "t0"."is_branch",
    "t0"."est_date",
    "t0"."operating_to",
    "t0"."status",
    "t0"."sensitive_wording",
    "t0"."scope_licensed_items",
    "t0"."reg_capital",
    "t0"."industry_section",
    "t0"."digital_core",
    "t0"."region",
    "t0"."licences_required"
  FROM "entity" AS "t0"
  WHERE
    "t0"."known_at" < MAKE_TIMESTAMPTZ(2025, 6, 30, 16, 0, 0.0, 'UTC')
    AND (
      (
        "t0"."superseded_at" IS NULL
      )
      OR (
        "t0"."superseded_at" >= MAKE_TIMESTAMPTZ(2025, 6, 30, 16, 0, 0.0, 'UTC')
      )
    )
    AND "t0"."event_date" <= MAKE_DATE(2025, 6, 30)
    AND "t0"."withdrawn_date" IS NULL
    AND "t0"."repair_date" IS NULL
    AND "t0"."event_date" IS NOT NULL
) AS "t1"
GROUP BY
  1
