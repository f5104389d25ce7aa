"""What llama-server 0c1e57098 printed with `--fit on --verbosity 5`, less the lines between that no one reads."""

WINDOWS = """\
0.00.079.704 I print_info: file size   = 13.42 GiB (4.50 BPW)
0.00.152.411 I load_tensors: RPC0[127.0.0.1:58133] model buffer size =     0.00 MiB
0.00.153.565 I llama_context:        CPU  output buffer size =     0.00 MiB
0.00.153.598 I llama_kv_cache_iswa: creating non-SWA KV cache, size = 32768 cells
0.00.155.504 I llama_kv_cache: RPC0[127.0.0.1:58133] KV buffer size =     0.00 MiB
0.00.155.507 I llama_kv_cache: size = 2560.00 MiB ( 32768 cells,  10 layers,  1/1 seqs), K (f16): 1280.00 MiB, V (f16): 1280.00 MiB
0.00.155.510 I llama_kv_cache_iswa: creating     SWA KV cache, size = 1536 cells
0.00.155.635 I llama_kv_cache: RPC0[127.0.0.1:58133] KV buffer size =     0.00 MiB
0.00.155.637 I llama_kv_cache: size =  624.00 MiB (  1536 cells,  52 layers,  1/1 seqs), K (f16):  312.00 MiB, V (f16):  312.00 MiB
0.00.155.641 D llama_context: backend_ptrs.size() = 2
0.00.188.461 I sched_reserve: RPC0[127.0.0.1:58133] compute buffer size =   188.52 MiB
0.00.188.462 I sched_reserve:        CPU compute buffer size =    54.52 MiB
0.00.189.034 I common_memory_breakdown_print: | memory breakdown [MiB]     |   total      free     self   model   context   compute    unaccounted |
0.00.189.070 I common_memory_breakdown_print: |   - RPC0 (127.0.0.1:58133) | 1048576 = 1048576 + (17110 = 13738 +    3184 +     188) +      -17110 |
0.00.189.173 I common_memory_breakdown_print: |   - Host                   |                         55 =     0 +       0 +      54                |
"""  # noqa: E501 - as it was printed
STATES = """\
0.00.107.904 I llama_kv_cache: size =  544.00 MiB (  8192 cells,   8 layers,  4/4 seqs), K (q8_0):  272.00 MiB, V (q8_0):  272.00 MiB
0.00.109.315 I llama_memory_recurrent: RPC0[127.0.0.1:53759] RS buffer size =   201.00 MiB
0.00.109.405 I llama_memory_recurrent: size =  201.00 MiB (     4 cells,  32 layers,  4 seqs  0 rs_seq), R (f32):    9.00 MiB, S (f32):  192.00 MiB, P (f32):    0.00 MiB
0.00.138.522 I sched_reserve: RPC0[127.0.0.1:53759] compute buffer size =   192.28 MiB
0.00.138.871 I common_memory_breakdown_print: |   - RPC0 (127.0.0.1:53759) | 1048576 = 1048576 + (4652 =  3715 +     745 +     192) +       -4652 |
"""  # noqa: E501 - as it was printed
UNKNOWN = """\
0.00.026.061 I llama_model_loader: loaded meta data with 12 key-value pairs and 30 tensors from model.gguf
0.00.026.111 E llama_model_load: error loading model: unknown model architecture: 'granola'
0.00.026.113 E llama_model_load_from_file_impl: failed to load model
0.00.026.190 E srv    load_model: failed to load model, 'model.gguf'
"""
OTHER_PROTOCOL = """\
0.00.011.061 E RPC server version mismatch: 7.0.0
/src/ggml/src/ggml-rpc/ggml-rpc.cpp:611: RPC handshake failed for 127.0.0.1:58133
"""
