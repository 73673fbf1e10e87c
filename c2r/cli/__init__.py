"""The commands of the command line, one function each; `c2r.__main__` names them."""
