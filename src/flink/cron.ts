/** Quartz cron expressions: seconds first, six fields or seven with a year. Times are UTC. */

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

const DAY_OF_MONTH: Field = { min: 1, max: 31, special: /^(\?|L(-([12]?\d|30))?|LW|([1-9]|[12]\d|3[01])W)$/ };
const DAY_OF_WEEK: Field = {
  min: 1,
  max: 7,
  names: DAYS,
  special: /^(\?|L|([1-7]|SUN|MON|TUE|WED|THU|FRI|SAT)(L|#[1-5]))$/,
};
const MONTH: Field = { min: 1, max: 12, names: MONTHS };
const HOUR: Field = { min: 0, max: 23 };
const MINUTE: Field = { min: 0, max: 59 };
const YEAR: Field = { min: 1970, max: 2099 };

const FIELDS: readonly Field[] = [MINUTE, MINUTE, HOUR, DAY_OF_MONTH, MONTH, DAY_OF_WEEK, YEAR];

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

function fieldsOf(text: string): string[] {
  return text.trim().toUpperCase().split(/\s+/);
}

export function isQuartzCron(text: string): boolean {
  const fields = fieldsOf(text);
  if (fields.length < 6 || fields.length > 7) return false;
  const valid = fields.every((field, index) => {
    const rule = FIELDS[index];
    return rule !== undefined && field.split(",").every((item) => isItem(item, rule));
  });
  // Of day of month and day of week, exactly one says when; the other is "?".
  return valid && (fields[3] === "?") !== (fields[5] === "?");
}

function valueOf(text: string, { min, names }: Field): number {
  const index = names?.indexOf(text) ?? -1;
  return index < 0 ? Number(text) : min + index;
}

/** The numbers that an item without special meaning stands for. A range may run over the end: 22-2, FRI-MON. */
function numbersOf(item: string, field: Field): number[] {
  const { min, max } = field;
  const [range = "", stepText] = item.split("/");
  const step = Number(stepText ?? 1);
  const [first = "*", last] = range === "" ? ["*"] : range.split("-");
  const from = first === "*" ? min : valueOf(first, field);
  const open = first === "*" || stepText !== undefined;
  const to = last === undefined ? (open ? max : from) : valueOf(last, field);
  const size = max - min + 1;
  const count = to >= from ? to - from : to - from + size;
  const found: number[] = [];
  for (let distance = 0; distance <= count; distance += step) {
    found.push(((from - min + distance) % size) + min);
  }
  return found;
}

/** All of them, ascending. */
function allNumbers(text: string, field: Field): number[] {
  const items = text.split(",").flatMap((item) => numbersOf(item, field));
  return [...new Set(items)].sort((a, b) => a - b);
}

function lastDay(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
}

/** 1 is Sunday. */
function weekday(year: number, month: number, day: number): number {
  return new Date(Date.UTC(year, month - 1, day)).getUTCDay() + 1;
}

/** The weekday nearest to a day, in the same month. */
function nearestWeekday(year: number, month: number, day: number): number {
  const wanted = weekday(year, month, day);
  if (wanted === 7) return day === 1 ? day + 2 : day - 1;
  if (wanted === 1) return day === lastDay(year, month) ? day - 2 : day + 1;
  return day;
}

/** Days of one month that an item of the day-of-month field stands for. */
function daysOfMonth(item: string, year: number, month: number): number[] {
  const last = lastDay(year, month);
  if (item === "LW") return [nearestWeekday(year, month, last)];
  if (item.startsWith("L")) return [last - Number(item.slice(2) || 0)];
  if (item.endsWith("W")) {
    const day = Number(item.slice(0, -1));
    return day <= last ? [nearestWeekday(year, month, day)] : [];
  }
  return numbersOf(item, DAY_OF_MONTH);
}

/** Days of one month that an item of the day-of-week field stands for. */
function daysByWeekday(item: string, year: number, month: number): number[] {
  const all = Array.from({ length: lastDay(year, month) }, (_, index) => index + 1);
  const special = /^(\w+?)(?:(L)|#(\d))$/.exec(item);
  // A bare L is the last day of the week, not of the month.
  const wanted = item === "L" ? [7] : special ? [valueOf(special[1] ?? "", DAY_OF_WEEK)] : undefined;
  const weekdays = wanted ?? numbersOf(item, DAY_OF_WEEK);
  const days = all.filter((day) => weekdays.includes(weekday(year, month, day)));
  if (item === "L" || special === null) return days;
  return special[2] === undefined ? days.slice(Number(special[3]) - 1, Number(special[3])) : days.slice(-1);
}

function daysIn(year: number, month: number, ofMonth: string, ofWeek: string): number[] {
  const days =
    ofMonth === "?"
      ? ofWeek.split(",").flatMap((item) => daysByWeekday(item, year, month))
      : ofMonth.split(",").flatMap((item) => daysOfMonth(item, year, month));
  const last = lastDay(year, month);
  return [...new Set(days)].filter((day) => day >= 1 && day <= last).sort((a, b) => a - b);
}

/**
 * The first time after `after` at which the expression fires, epoch milliseconds; undefined when there is none, or
 * when the text is no Quartz cron expression.
 */
export function nextFireTime(text: string, after: number): number | undefined {
  if (!isQuartzCron(text)) return undefined;
  const [second = "", minute = "", hour = "", ofMonth = "", month = "", ofWeek = "", year = "*"] =
    fieldsOf(text);
  const start = Math.floor(after / 1000) * 1000 + 1000;
  const from = new Date(start);
  const times = { hours: allNumbers(hour, HOUR), minutes: allNumbers(minute, MINUTE) };
  const seconds = allNumbers(second, MINUTE);
  const months = allNumbers(month, MONTH);
  for (const inYear of allNumbers(year, YEAR)) {
    if (inYear < from.getUTCFullYear()) continue;
    for (const inMonth of months) {
      if (Date.UTC(inYear, inMonth) <= start) continue;
      for (const day of daysIn(inYear, inMonth, ofMonth, ofWeek)) {
        const midnight = Date.UTC(inYear, inMonth - 1, day);
        const found = firstTime(midnight, start, times.hours, times.minutes, seconds);
        if (found !== undefined) return found;
      }
    }
  }
  return undefined;
}

/** The first of a day's times that is not before `start`. */
function firstTime(
  midnight: number,
  start: number,
  hours: readonly number[],
  minutes: readonly number[],
  seconds: readonly number[],
): number | undefined {
  if (midnight + 86_400_000 <= start) return undefined;
  for (const hour of hours) {
    const atHour = midnight + hour * 3_600_000;
    if (atHour + 3_600_000 <= start) continue;
    for (const minute of minutes) {
      const atMinute = atHour + minute * 60_000;
      if (atMinute + 60_000 <= start) continue;
      const second = seconds.find((one) => atMinute + one * 1000 >= start);
      if (second !== undefined) return atMinute + second * 1000;
    }
  }
  return undefined;
}
