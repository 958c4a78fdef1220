"""What sends the requests of a comparison, and keeps money, answers and pace."""
