# embed.cmake - writes OUT, a C file with the bytes of IN as the array NAME and their number as
# NAME_bytes, so that what a page is made of is kept as files that a browser and a reader know.
file(READ "${IN}" hex HEX)
string(LENGTH "${hex}" digits)
math(EXPR bytes "${digits} / 2")
string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
file(WRITE "${OUT}" "#include \"viewer_files.h\"\n\nconst unsigned char ${NAME}[] = {\n${hex}\n0};\n"
  "const size_t ${NAME}_bytes = ${bytes};\n")
