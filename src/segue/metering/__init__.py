"""What calls took and what that costs: prices, rates of exchange, exact sums."""
