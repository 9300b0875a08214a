# The collector killed, starved and lied to by its disk (fault_kit.py). Arguments of each: the two
# programs.
function(akashi_fault_test name)
  add_test(NAME integration.${name}
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/integration/${name}.py $<TARGET_FILE:akashi-collector>
      $<TARGET_FILE:akashi-verify> ${ARGN})
  set_tests_properties(integration.${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 600)
endfunction()

akashi_fault_test(fault_kill --kills 10)
akashi_threads(integration.fault_kill akashi-collector akashi-verify)
