# Transports and shippers, against the collector as a process (transport_kit.py). Arguments of each:
# the two programs, the folder with real logs, and the shippers' unpacker.
function(akashi_transport_test name)
  add_test(NAME integration.${name}
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/integration/${name}.py $<TARGET_FILE:akashi-collector>
      $<TARGET_FILE:akashi-verify> ${AKASHI_SHARED} ${CMAKE_CURRENT_SOURCE_DIR}/peers)
  set_tests_properties(integration.${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 600)
endfunction()

akashi_transport_test(transport_data)
akashi_transport_test(shippers_real)
akashi_transport_test(framing_cases)
akashi_transport_test(transport_tls)
akashi_transport_test(transport_relp)
akashi_transport_test(transport_limits)
akashi_transport_test(transport_parts)
akashi_transport_test(stop_seals)
