"""What can be wrong with a delivery or a row, and what to do about it: one table, in Chinese and English."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Advice:
    """What to do about a fault, in the words of the person who must do it."""

    zh: str
    en: str


ROW_FAULTS: dict[str, Advice] = {
    "encoding": Advice("本行含无法按UTF-8解码的字节；请以UTF-8重新导出。", "Bytes are not UTF-8; export as UTF-8."),
    "line_too_long": Advice("本行超过1 MB；请检查是否缺少换行。", "The line exceeds 1 MB; look for a lost line end."),
    "quoting": Advice(
        "引号不成对或位置不对；含逗号、引号的值用双引号括住，值内引号写两个，一条记录一行。",
        'Quotes do not pair; enclose values holding commas or quotes in ", double inner quotes, one row a line.',
    ),
    "fields_too_few": Advice(
        "字段数少于表头；请补齐分隔符。", "Fewer fields than the header has; add the missing ones."
    ),
    "fields_too_many": Advice(
        "字段数多于表头；值内的逗号须用双引号括住。", "More fields than the header has; quote values that hold commas."
    ),
    "cut_off": Advice(
        "文件在本行中断；请重新导出并补报本行。", "The file ends inside this row; export and deliver it again."
    ),
    "header_missing": Advice(
        "缺少表头或表头不可读；首行应为列名。", "No readable header; the first line names the columns."
    ),
    "header_duplicate": Advice("表头有重复列名；每列只能出现一次。", "The header repeats a column; name each once."),
    "delimiter_other": Advice(
        "表头只有一列却含分号、制表符等；分隔符应为逗号，其他分隔符请在映射文件中写明（delimiter）。",
        "The header is one column that holds ; | or a tab: fields are parted by commas; a mapping file can state "
        "another delimiter.",
    ),
    "column_unknown": Advice(
        "目录中没有这一列；请更正列名，或为该来源写映射文件。",
        "The catalogue has no such column; correct its name or write a mapping file for the source.",
    ),
    "column_type": Advice(
        "该列是二进制或嵌套类型；请改为文本、数字或日期。", "Binary or nested column; make it text, number or date."
    ),
    "json_malformed": Advice("不是合法的JSON；每行一个对象。", "Not valid JSON; one object a line."),
    "json_not_object": Advice("该行不是JSON对象；应为{列名: 值}。", "Not a JSON object; write {column: value}."),
    "json_duplicate_key": Advice("同一对象内键重复；只保留一个。", "A key appears twice in the object; keep one."),
    "json_nested": Advice(
        "值不能是对象；多个代码用“|”分隔或写成字符串数组。", "Values may not be objects; several codes are joined by |."
    ),
    "required_missing": Advice("必填项为空；请补填。", "A required value is empty; fill it in."),
    "control_character": Advice(
        "值内含控制字符（如制表符）；请删除。", "Control characters (a tab, say) in a value; remove them."
    ),
    "replacement_character": Advice(
        "值内含替换符“�”，说明此前转码出错；请从原系统重新导出。",
        "The value holds U+FFFD: an earlier conversion lost characters; export again from the source system.",
    ),
    "text_too_long": Advice("文本超过4000字；请缩短。", "Text exceeds 4,000 characters; shorten it."),
    "date_format": Advice(
        "日期写法应为YYYY-MM-DD；其他写法请用映射文件说明。",
        "Dates are YYYY-MM-DD; a mapping file can state another form.",
    ),
    "date_impossible": Advice("没有这一天；请核对年月日。", "There is no such day; check year, month and day."),
    "date_future": Advice("日期晚于接收日；请核对。", "The day lies after the day of intake; check it."),
    "moment_format": Advice(
        "时间写法应为YYYY-MM-DD或YYYY-MM-DD HH:MM:SS（可带时区）。",
        "Times are YYYY-MM-DD or YYYY-MM-DD HH:MM:SS, with an offset if any.",
    ),
    "number_format": Advice(
        "不是数字；只能含数字、负号和小数点。", "Not a number; only digits, a minus sign and a point."
    ),
    "number_separator": Advice(
        "数字不能带千分位、货币符号或单位。", "No thousands separators, currency signs or units."
    ),
    "number_fullwidth": Advice("请用半角数字。", "Use ASCII digits, not full-width ones."),
    "number_scientific": Advice(
        "不能用科学记数法；请导出为完整数字。", "No scientific notation; export the number in full."
    ),
    "number_not_finite": Advice(
        "NaN、Infinity不是数值；没有值就留空。", "NaN and Infinity are no values; leave it empty instead."
    ),
    "number_decimals": Advice("小数位数超出目录规定。", "More decimals than the catalogue allows."),
    "number_too_long": Advice("数字位数过多（最多15位）。", "Too many digits (at most 15)."),
    "number_range": Advice("数值超出目录规定的范围。", "Outside the range of the catalogue."),
    "flag_value": Advice("标志只能是1或0。", "A flag is 1 or 0."),
    "code_unknown": Advice(
        "代码不在代码表内；请更正，或申请增加代码，不得归入“其他”。",
        "The code is not in its list; correct it or have it added, never use 'other' for it.",
    ),
    "code_not_valid_then": Advice("该代码在事件日期不在有效期内。", "The code was not valid on the day of the event."),
    "item_missing": Advice(
        "该记录类型属于多个归集事项，须填item。", "The type belongs to several collection items; state the item."
    ),
    "item_foreign": Advice(
        "该归集事项不含此记录类型；请核对item。", "The item does not collect this record type; check item."
    ),
    "visibility_unknown": Advice(
        "可见性只能是publishable、internal、restricted。", "Visibility is publishable, internal or restricted."
    ),
    "visibility_weaker": Advice(
        "可见性只能比目录更严，不能更宽。", "A row may be stricter than the catalogue, never more open."
    ),
    "action_unknown": Advice(
        "action只能是new、correct、withdraw、repair、remove。", "Action is new, correct, withdraw, repair or remove."
    ),
    "action_date_missing": Advice(
        "撤销、修复、移出须填action_date。", "Withdraw, repair and remove need an action_date."
    ),
    "action_unsuited": Advice(
        "该记录类型没有起止状态，不能移出（remove）。", "The type is no state in time; it cannot be removed."
    ),
    "key_missing": Advice(
        "关键字段为空且没有source_record_no，无法认定是哪一条事实。",
        "A key field is empty and there is no source_record_no: the fact cannot be told.",
    ),
    "identity_missing": Advice(
        "没有代码、注册号或名称，无法认定主体。",
        "No code, registration number or name: whose record it is cannot be told.",
    ),
    "uscc_length": Advice("统一社会信用代码应为18位。", "A unified social credit code has 18 characters."),
    "uscc_character": Advice(
        "统一社会信用代码只能含0-9和除I、O、Z、S、V外的大写字母。", "Only 0-9 and capital letters except I, O, Z, S, V."
    ),
    "uscc_organisation_check": Advice(
        "第17位（组织机构代码校验码）不符；请核对原件。",
        "Character 17 (organisation code check) is wrong; check the original.",
    ),
    "uscc_check": Advice("第18位校验码不符；请核对原件。", "The check character (18th) is wrong; check the original."),
    "state_order": Advice("终止日期早于起始日期。", "The state ends before it begins."),
    "entered_future": Advice("entered_at晚于接收时间。", "entered_at is later than the intake."),
    "entered_before_event": Advice(
        "entered_at早于事件日期；请核对两个日期。", "entered_at is earlier than the event; check both dates."
    ),
    "published_future": Advice("published_date晚于接收日。", "published_date lies after the day of intake."),
    "published_before_event": Advice(
        "published_date早于事件日期；请核对两个日期。", "published_date is earlier than the event; check both dates."
    ),
    "known_unknown": Advice(
        "追溯补报的行没有录入、公示或事件日期，无法认定何时获知。",
        "A backload row without entry, publication or event date: when it was known cannot be told.",
    ),
}

REFUSALS: dict[str, Advice] = {
    "manifest_missing": Advice("目录内没有manifest.json。", "The folder has no manifest.json."),
    "manifest_malformed": Advice("manifest.json不是合法的JSON对象。", "manifest.json is not a JSON object."),
    "manifest_field": Advice("manifest.json缺少必要项或类型不对。", "manifest.json lacks a field or has a wrong type."),
    "profile_unknown": Advice("该批次属于另一个地区（profile）。", "The delivery is for another profile."),
    "record_type_unknown": Advice("目录中没有这一记录类型。", "The catalogue has no such record type."),
    "version_unknown": Advice("记录类型的版本高于目录。", "The version is newer than the catalogue's."),
    "format_unknown": Advice("格式只能是csv、jsonl、parquet。", "The format is csv, jsonl or parquet."),
    "mapping_unknown": Advice(
        "应有同名的映射文件，且适用于该记录类型及其字段。",
        "A mapping file of this name must exist and fit the record type and its fields.",
    ),
    "file_missing": Advice("清单所列文件不存在。", "A listed file does not exist."),
    "file_outside": Advice("文件路径超出批次目录。", "A path leads out of the delivery's folder."),
    "file_undecodable": Advice(
        "文件无法读取（编码、压缩或格式损坏）；请重新导出。",
        "The file cannot be read (encoding, compression or damage); export it again.",
    ),
    "file_digest": Advice(
        "Parquet文件与清单的摘要不符；请重新传送。",
        "The Parquet file differs from its digest in the manifest; transfer it again.",
    ),
    "backload_incomplete": Advice(
        "追溯补报须写明来源、批准人和理由。", "A backload names its source, approver and reason."
    ),
}
