/** Whether a text is a Quartz cron expression: seconds first, six fields or seven with a year. */

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

interface Field {
  readonly min: number;
  readonly max: number;
  /** Names that stand for min, min + 1, … */
  readonly names?: readonly string[];
  /** Whole items beyond numbers and ranges: the last day, the nearest weekday and so on. */
  readonly special?: RegExp;
}

const FIELDS: readonly Field[] = [
  { min: 0, max: 59 },
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31, special: /^(\?|L(-\d{1,2})?|L?W|\d{1,2}W)$/ },
  { min: 1, max: 12, names: MONTHS },
  { min: 1, max: 7, names: DAYS, special: /^(\?|L|([1-7]|SUN|MON|TUE|WED|THU|FRI|SAT)(L|#[1-5]))$/ },
  { min: 1970, max: 2099 },
];

function isValue(text: string, { min, max, names }: Field): boolean {
  if (names?.includes(text)) return true;
  return /^\d+$/.test(text) && Number(text) >= min && Number(text) <= max;
}

function isItem(text: string, field: Field): boolean {
  if (field.special?.test(text)) return true;
  const [range = "", step, ...more] = text.split("/");
  if (more.length > 0 || (step !== undefined && !/^[1-9]\d*$/.test(step))) return false;
  if (range === "*" || (range === "" && step !== undefined)) return true;
  const ends = range.split("-");
  return ends.length <= 2 && ends.every((end) => isValue(end, field));
}

export function isQuartzCron(text: string): boolean {
  const fields = text.trim().toUpperCase().split(/\s+/);
  if (fields.length < 6 || fields.length > 7) return false;
  const valid = fields.every((field, index) => {
    const rule = FIELDS[index];
    return rule !== undefined && field.split(",").every((item) => isItem(item, rule));
  });
  // Of day of month and day of week, exactly one says when; the other is "?".
  return valid && (fields[3] === "?") !== (fields[5] === "?");
}
