"""A torch module as the list of operators that the importer works on, by way of torch.export."""
