# fish completion for sealpost: made by the program itself, so that it always fits.
command -q sealpost; and sealpost completion fish | source
