// Pieces of Python that the offline engine's programs share. They use the standard library alone, compute with
// exact fractions, and print each result on a line of its own.

/** A Python literal of a text: JSON's escapes are Python's, too. */
export function pythonText(text: string): string {
  return JSON.stringify(text.toWellFormed());
}

export function pythonList(texts: readonly string[]): string {
  return `[${texts.map(pythonText).join(", ")}]`;
}

/** `show` prints whole numbers as such and others with 12 significant digits; a text stays as it is. */
export const showFunction = `
from fractions import Fraction as F

def show(value, decimals=None):
    if isinstance(value, str):
        return value
    if isinstance(value, complex):
        raise ValueError("the result is not a real number")
    exact = F(value)
    if decimals is not None:
        scaled = abs(exact) * 10 ** decimals
        nearest = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
        exact = F(nearest, 10 ** decimals) * (1 if exact >= 0 else -1)
    if exact.denominator == 1:
        return str(exact.numerator)
    return format(float(exact), ".12g")
`.trim();

/** Arithmetic that could run away is bounded: a program must end within the sandbox's time. */
export const arithmeticFunctions = `
import math

def power(base, exponent):
    if abs(exponent) > 2000 or abs(base) > 10 ** 60:
        raise OverflowError("the power is too large to work out")
    return F(base) ** exponent if F(exponent).denominator == 1 else float(base) ** float(exponent)

def root(value, degree):
    value = F(value)
    if value < 0 and degree % 2 == 0:
        raise ValueError("a negative number has no real square root")
    def whole(number):
        guess = round(number ** (1 / degree)) if number < 10 ** 300 else 0
        return next((near for near in (guess - 1, guess, guess + 1) if near >= 0 and near ** degree == number), None)
    top, bottom = whole(abs(value.numerator)), whole(value.denominator)
    if top is not None and bottom is not None:
        return F(top, bottom) if value >= 0 else -F(top, bottom)
    return math.copysign(float(abs(value)) ** (1 / degree), value)

def factorial(value):
    if F(value).denominator != 1 or not 0 <= value <= 1000:
        raise ValueError("a factorial needs a whole number from 0 to 1000")
    return F(math.factorial(int(value)))
`.trim();

export const targetFunctions = `
def join(left, sign, right):
    rank = 1 if sign in "+-" else 2
    a = left[0] if left[1] >= rank else "(" + left[0] + ")"
    b = right[0] if right[1] > rank or (right[1] == rank and sign in "+*") else "(" + right[0] + ")"
    return a + sign + b, rank

def solve(numbers, target):
    """One expression that uses each number once and equals the target, or None: all orders, signs and brackets."""
    full = 2 ** len(numbers) - 1
    reached = {2 ** i: {F(n): (n if n[0] != "-" else "(" + n + ")", 3)} for i, n in enumerate(numbers)}
    for group in range(1, full + 1):
        if group in reached:
            continue
        found = reached[group] = {}
        part = (group - 1) & group
        while part > group - part:
            for a, x in reached[part].items():
                for b, y in reached[group - part].items():
                    ways = [(a + b, x, "+", y), (a - b, x, "-", y), (b - a, y, "-", x), (a * b, x, "*", y)]
                    if b != 0:
                        ways.append((a / b, x, "/", y))
                    if a != 0:
                        ways.append((b / a, y, "/", x))
                    for value, left, sign, right in ways:
                        if group == full and value == target:
                            return join(left, sign, right)[0]
                        if group != full and value not in found:
                            found[value] = join(left, sign, right)
            part = (part - 1) & group
    return None
`.trim();

export const unitFunctions = `
def to_kelvin(value, unit):
    if unit == "celsius":
        return value + F("273.15")
    return (value + F("459.67")) * F(5, 9) if unit == "fahrenheit" else value

def from_kelvin(value, unit):
    if unit == "celsius":
        return value - F("273.15")
    return value * F(9, 5) - F("459.67") if unit == "fahrenheit" else value

def convert(amounts, target):
    total = F(0)
    for value, unit in amounts:
        if units[unit][0] != units[target][0]:
            raise ValueError(unit + " cannot be converted to " + target)
        if units[unit][0] == "temperature":
            return from_kelvin(to_kelvin(F(value), unit), target)
        total += F(value) * units[unit][1]
    return total / units[target][1]
`.trim();

export const statisticsFunctions = `
import statistics

def measure(name, texts):
    data = [F(text) for text in texts]
    if name == "mode":
        return ", ".join(show(value) for value in sorted(statistics.multimode(data)))
    if name == "range":
        return max(data) - min(data)
    if name in ("sum", "max", "min"):
        return {"sum": sum, "max": max, "min": min}[name](data)
    if name == "count":
        return F(len(data))
    return getattr(statistics, name)(data)
`.trim();
