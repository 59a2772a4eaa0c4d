"""Pictures that motion models animate."""
