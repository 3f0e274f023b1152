"""What each variant costs a month: the model of docs/cost-model.md."""
