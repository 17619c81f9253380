"""From a trained model to labels, masks and scores."""
