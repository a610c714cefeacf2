// Wordings that docs/offline-engine.md promises, with answers worked out by hand.

export interface OfflineQuestion {
  readonly query: string;
  readonly answer: string;
}

const answers: Readonly<Record<string, string>> = {
  "What is 17 times 23 minus 4?": "387",
  "Multiply 17 by 23 and subtract 4.": "387",
  "(3+4)*2^5/7": "32",
  "12% of 250": "30",
  "5 squared": "25",
  "What is the square root of 144?": "12",
  "half of 48": "24",
  "5!": "120",
  "10 factorial": "3628800",
  "3 to the 4th": "81",
  "2e3 + 1": "2001",
  "the remainder of 17 divided by 5": "2",
  "three quarters of 80": "60",
  "½ of 10": "5",
  "17 times 23 minus 4": "387",
  "Increase 250 by 12% and take away 30.": "250",
  "Increase 250 by 12%.": "280",
  "15% off 80": "68",
  "the product of 17 and 23": "391",
  "What is seventeen times twenty-three?": "391",
  "How many days are there between 2024-02-01 and 2024-03-01?": "29",
  "From 1 February 2024 to March 1st, 2024, how many days?": "29",
  "45 days after 2024-01-01": "2024-02-15",
  "3 weeks before 1 March 2024": "2024-02-09",
  "Add 30 days to 25/12/2024.": "2025-01-24",
  "2024/3/1 plus 30 days": "2024-03-31",
  "How many weeks are there between 2024-01-01 and 2024-03-04?": "9",
  "What weekday was 2024-02-29?": "Thursday",
  "On which day of the week did 1 January 2024 fall?": "Monday",
  "Which weekday is 100 days after 2024-01-01?": "Wednesday",
  "March 1st, 2024 is which weekday?": "Friday",
  "What day was it on 1 March 2024?": "Friday",
  "the weekday number of 2024-03-01": "5",
  "Convert 6 ft 2 in to cm.": "187.96",
  "How many feet are in 3.5 yards?": "10.5",
  "212 °F in °C": "100",
  "5 miles in km": "8.04672",
  "How many seconds in a day?": "86400",
  "a mile in km": "1.609344",
  "the mean of 3, 5 and 10": "6",
  "For 4, 8, 15, what is the median?": "8",
  "[3, 5, 10] average?": "6",
  "What is the range of 4, 8, 15?": "11",
  "How many numbers are there in 4, 8, 15?": "3",
  "Which is larger: 81 or 72?": "81",
  "the mode of 1, 2, 2, 3": "2",
  "the variance of 2, 4, 4, 4, 5, 5, 7, 9": "4",
  "the sample standard deviation of 2, 4, 6": "2",
  "What is the sum of 4, 8 and 15?": "27",
  "the maximum of 4, 8, 15": "15",
  "the minimum of 4, 8, 15": "4",
  "What is 10 divided by 3, rounded to two decimal places?": "3.33",
  "Take the mean of 3, 5 and 10, add the number of days between 2024-01-01 and 2024-02-01, and subtract 12 * 3.": "1",
  "What is the sum of 5 squared and the mean of 3, 5 and 10?": "31",
};

export const documented: readonly OfflineQuestion[] = Object.entries(answers).map(([query, answer]) => ({
  query,
  answer,
}));

export const outside = ["Who wrote Hamlet?", "Translate \u201cgood morning\u201d into French.", "Hello!"];
