def completed(spec):
    return spec
