"""What the names of PyTorch's, NumPy's and Python's operations imply about memory."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LIBRARIES = _words("""
    torch nn F np numpy init optim functional torchvision TF transforms T operator random ctypes struct math
    copy itertools functools dist distributed linalg scipy einops jnp jax utils ops aten
""")
"""Usual names of imported libraries: their attributes are functions, not methods of a tensor."""

VIEWS = _words("""
    adjoint as_strided atleast_1d atleast_2d atleast_3d broadcast_to chunk conj data_ptr detach diagonal
    dsplit expand expand_as flat flatten hsplit imag indices mH mT moveaxis movedim narrow numpy permute
    positive ravel real refine_names rename reshape reshape_as resolve_conj resolve_neg rollaxis select
    split split_with_sizes squeeze storage swapaxes swapdims t T H tensor_split transpose
    typed_storage unbind unflatten unfold unsafe_chunk unsafe_split unsqueeze untyped_storage values_view view
    view_as view_as_complex view_as_real vsplit __array__ __dlpack__ ctypes diag_embed_view rearrange cast
    toreadonly __array_interface__ _values _indices
""")
"""Methods, attributes and functions that return another tensor object over the same memory."""

VIEW_ATTRIBUTES = _words("T H mT mH real imag flat ctypes __array_interface__")
"""Those of the above that are no methods: `agent.t` and `self.storage`, which nothing calls, are the user's own."""

WRAPPERS = _words("""
    from_numpy asarray asanyarray ascontiguousarray asfortranarray as_tensor frombuffer from_dlpack to_dlpack
    memoryview Parameter Variable Buffer FloatTensor as_array from_buffer view_as_real ndarray require
    UntypedStorage TypedStorage
""")
"""Functions that make a new tensor, array or buffer over the memory of their first argument."""

SELVES = _words("""
    contiguous to cpu cuda float double half bfloat16 int long type type_as retain_grad train eval pin_memory
    register_hook to_dense coalesce requires_grad
""")
"""Methods that may return their own object."""

MEMBERS = _words("""
    parameters named_parameters buffers named_buffers modules named_modules children named_children
    get_submodule get_parameter get_buffer
""")
"""Module methods that return something behind the module."""

PASS_ALONG = _words("""
    list tuple iter reversed sorted set filter cycle islice deque OrderedDict dict frozenset Sequential
    ModuleList ParameterList chain tqdm trange TensorDict
""")
"""Functions whose result holds what their arguments hold."""

METADATA = _words("""
    requires_grad_ detach_ retain_grad_ rename_ share_memory_ squeeze_ unsqueeze_ t_ transpose_ swapaxes_
    swapdims_ coalesce_ pin_memory_
""")
"""In-place methods that change no byte."""

VALUE_ATTRIBUTES = _words("data real imag flat")
"""The attributes of a tensor or an array whose assignment changes its values."""

OUT_OF_PLACE = _words("""
    abs add addcdiv addcmul ceil clamp clip cos cumprod cumsum div elu erf exp expm1 floor gelu hardtanh index_add
    index_copy index_fill index_put leaky_relu lerp log log10 log1p log2 masked_fill masked_scatter mul nan_to_num neg
    pow reciprocal relu relu6 round rsqrt scatter scatter_add scatter_reduce sigmoid sign sin silu softmax sqrt square
    sub tan tanh tril triu trunc
""")
"""Methods with an in-place variant, named with an underscore."""

INPLACE_METHODS = METADATA | _words("""
    abs_ absolute_ acos_ acosh_ add_ addbmm_ addcdiv_ addcmul_ addmm_ addmv_ addr_ apply_ arccos_ arccosh_
    arcsin_ arcsinh_ arctan2_ arctan_ arctanh_ as_strided_ asin_ asinh_ atan2_ atan_ atanh_ baddbmm_ bernoulli_
    bitwise_and_ bitwise_left_shift_ bitwise_not_ bitwise_or_ bitwise_right_shift_ bitwise_xor_ cauchy_ ceil_
    clamp_ clamp_max_ clamp_min_ clip_ conj_physical_ copy_ copysign_ cos_ cosh_ cumprod_ cumsum_ deg2rad_
    digamma_ div_ divide_ eq_ erf_ erfc_ erfinv_ exp2_ exp_ expm1_ exponential_ fill_ fill_diagonal_ fix_
    float_power_ floor_ floor_divide_ fmod_ frac_ gcd_ ge_ geometric_ greater_ greater_equal_ gt_ heaviside_
    hypot_ i0_ igamma_ igammac_ index_add_ index_copy_ index_fill_ index_put_ index_reduce_ lcm_ ldexp_ le_
    lerp_ less_ less_equal_ lgamma_ log10_ log1p_ log2_ log_ log_normal_ logical_and_ logical_not_ logical_or_
    logical_xor_ logit_ lt_ map2_ map_ masked_fill_ masked_scatter_ mul_ multiply_ mvlgamma_ nan_to_num_ ne_
    neg_ negative_ nextafter_ normal_ not_equal_ polygamma_ pow_ put_ rad2deg_ random_ reciprocal_ relu_
    remainder_ renorm_ resize_ resize_as_ resize_as_sparse_ round_ rsqrt_ scatter_ scatter_add_ scatter_reduce_
    set_ sgn_ sigmoid_ sign_ sin_ sinc_ sinh_ sparse_resize_ sparse_resize_and_clear_ sqrt_ square_ sub_
    subtract_ tan_ tanh_ tril_ triu_ true_divide_ trunc_ uniform_ xlogy_ zero_
""")
"""Every method of a tensor that follows the rule for in-place operations: `x.foo_()` of another name raises."""

ELEMENTWISE = _words("""
    add addcdiv addcmul atan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor clamp clamp_max
    clamp_min copy copysign div divide eq float_power floor_divide fmax fmin fmod ge greater gt hypot ldexp le lerp less
    logical_and logical_or logical_xor lt maximum minimum mul multiply ne nextafter pow remainder sub subtract
    true_divide where xlogy
""")
"""Operations that compute one element after the other from those of several operands."""

MODULE_WRITES = _words("load_state_dict reset_parameters reset_running_stats zero_grad to_empty _apply")
"""Methods that write to everything behind their object, anywhere in a statement."""

MODULE_METHODS = _words("""
    add_module bfloat16 buffers children compile cpu cuda double eval extra_repr float get_buffer get_extra_state
    get_parameter get_submodule half ipu modules mtia named_buffers named_children named_modules named_parameters
    parameters register_backward_hook register_buffer register_forward_hook register_forward_pre_hook
    register_full_backward_hook register_full_backward_pre_hook register_load_state_dict_post_hook
    register_load_state_dict_pre_hook register_module register_parameter register_state_dict_post_hook
    register_state_dict_pre_hook requires_grad_ set_submodule share_memory state_dict to train type xpu zero_grad
""")
"""Methods of every module that neither call it nor change the values of its tensors."""

READS = _words("""
    get fetch read retrieve find look lookup search query peek view show print plot draw display visualize render
    summary summarize describe report format repr str save dump export sample predict transform inverse compute
    calculate calc evaluate eval score test validate check infer inference generate forward call encode decode embed
    normalize denormalize unnormalize standardize preprocess postprocess tokenize collate convert extract iter items
    keys values len size shape num count index contains copy clone state dict parameters named buffers children
    modules mean var std sum min max median loss error accuracy distance similarity logits probs proba features
    stats history result results value best to as is has can act select choose compare diff
""")
"""The first words of the names of methods that promise to read their object."""

YIELDS = _words("""
    predict transform inverse compute calculate calc infer inference generate forward encode decode embed
    normalize denormalize unnormalize standardize preprocess postprocess tokenize convert sample
""")
"""Those of them that promise a value: a method that gives none back puts it into its object."""

MODULE_PROCEDURES = _words("flatten_parameters")
"""Methods that write to everything behind their module and give nothing back: others of that name have a value."""

OUTER_MODULE_WRITES = _words("apply half float double bfloat16 to type cuda cpu share_memory")
"""Methods that write to a module but not to a tensor: counted only as a statement's outermost call."""

OUTER_WRITES = _words("sort fill partition put itemset resize byteswap setfield")
"""NumPy methods that write and return None; PyTorch's of the same name return a new tensor and write nothing."""

_WRITES_FIRST = _words("""
    copyto put place putmask put_along_axis fill_diagonal shuffle memset memmove setitem delitem at
    iadd isub imul itruediv ifloordiv imod ipow iand ior ixor ilshift irshift imatmul
""")
WRITTEN_ARGUMENT: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(_WRITES_FIRST, (0,)),
    "pack_into": (1,),
    "swap_tensors": (0, 1),
    "vector_to_parameters": (1,),
}
"""The positional arguments that a library's function writes."""

NEEDS_LIBRARY = _words("put place at setitem delitem copyto")
"""Those of the above that count only as a library's function, never as a variable's method."""

COLLECTIVE_OUTPUTS = {
    **dict.fromkeys(_words("all_reduce broadcast reduce scatter recv irecv"), (0, "tensor")),
    **dict.fromkeys(_words("reduce_scatter reduce_scatter_tensor _reduce_scatter_base"), (0, "output")),
    **dict.fromkeys(_words("all_gather_into_tensor _all_gather_base"), (0, "output_tensor")),
    "all_to_all_single": (0, "output"),
    "all_reduce_coalesced": (0, "tensors"),
    "all_gather": (0, "tensor_list"),
    "all_gather_coalesced": (0, "output_tensor_lists"),
    "all_to_all": (0, "output_tensor_list"),
    "gather": (1, "gather_list"),
    "_broadcast_coalesced": (1, "tensors"),
}
"""The argument that a collective of `torch.distributed` writes: its place and its name."""

REPLICATORS = _words("""
    DistributedDataParallel DDP FullyShardedDataParallel FSDP fully_shard replicate _sync_module_states
""")
"""What makes the parameters and the buffers of a module equal on all ranks when it is given the module."""

OF_DISTRIBUTED = _words("broadcast reduce scatter gather recv irecv")
"""Those of the above that count only as functions of `torch.distributed`: others have functions of these names."""

DISTRIBUTED = _words("dist distributed comm c10d distributed_c10d")
"""Usual names of `torch.distributed`, and of what replaces it."""

NOT_A_METHOD = _words("""
    zeros_ ones_ constant_ eye_ dirac_ sparse_ orthogonal_ trunc_normal_ xavier_uniform_ xavier_normal_
    kaiming_uniform_ kaiming_normal_ clip_grad_norm_ clip_grad_value_ clip_grads_with_norm_ threshold_ celu_
    selu_ elu_ leaky_relu_ hardtanh_ rrelu_ embedding_renorm_
""")
"""Functions with a trailing underscore that are no tensor methods."""

OLD_INITS = _words("""
    uniform normal constant eye dirac xavier_uniform xavier_normal kaiming_uniform kaiming_normal orthogonal sparse
""")
"""Functions of `torch.nn.init` that write in place, by the names they had before the underscore."""

BUILTINS = _words("""
    float int bool str len sum abs min max round print repr range type isinstance hasattr id hash any all
    divmod pow complex bytes format ord chr super object callable dir
""")
"""Python's functions whose result shares no tensor's memory."""

UFUNCS = _words("""
    add subtract multiply divide true_divide floor_divide power mod remainder fmod maximum minimum arctan2
    clip matmul dot
""")
"""NumPy functions that take their output as the third positional argument."""

FRESH = _words("""
    clone copy deepcopy mean sum std var max min argmax argmin item tolist add sub mul div pow exp log sqrt
    abs sign neg norm matmul mm bmm dot softmax log_softmax sigmoid tanh relu clamp clip round floor ceil eq
    ne lt gt le ge any all where masked_fill masked_select gather scatter scatter_add index_select index_add
    index_fill cumsum cumprod sort topk argsort unique repeat tile roll flip size dim numel stride shape
    astype bool backward cross prod normal rand fmod square rsqrt median nonzero count_nonzero isnan isfinite
    isinf multinomial bernoulli new_zeros new_ones new_empty new_full new_tensor rand_like zeros_like
    ones_like state lerp addmm addcmul addcdiv var_mean format join strip lower upper startswith endswith
    count index keys is_floating_point
""")
"""Methods whose result has memory of its own."""

WITHOUT_GRADIENT = _words("""
    argmax argmin argsort item tolist multinomial bernoulli nonzero count_nonzero bincount searchsorted bucketize
    isnan isinf isfinite isclose allclose equal eq ne lt le gt ge array_equal
""")
"""Functions and methods through whose result no backward leads."""

OF_LAYOUT = _words("shape size dim ndim numel dtype device layout stride is_leaf requires_grad grad_fn")
"""Attributes and methods of a tensor that read none of its elements."""

PLAIN_CLASSES = _words("""
    list tuple dict set Tensor Parameter ndarray ModuleList ModuleDict ParameterList ParameterDict Sequential
    OrderedDict defaultdict deque Size NoneType int float str bool function builtin_function_or_method method
    module type memmap
""")
"""Classes whose items are exactly what was put into them."""

OPTIMIZERS = _words("""
    SGD Adam AdamW NAdam RAdam Adagrad Adadelta Adamax RMSprop Rprop ASGD LBFGS Adafactor Muon SparseAdam
""")
"""Classes whose objects hold the parameters they were made with."""

INPLACE_DUNDERS = _words("""
    __setitem__ __iadd__ __isub__ __imul__ __itruediv__ __ifloordiv__ __ipow__ __imod__ __iand__ __ior__
    __ixor__ __imatmul__ __ilshift__ __irshift__
""")
"""Methods that Python itself calls to write in place."""

GETTERS = _words("""
    get pop setdefault __getitem__ popitem popleft __next__
""")
"""Methods that return one item of a container."""

FRESH_LAYERS = tuple(
    _words("""
    Linear Bilinear Conv Lazy ReLU LeakyReLU PReLU GELU ELU SELU CELU SiLU Mish Sigmoid Tanh Softmax
    LogSoftmax Softplus Hard Threshold MaxPool AvgPool Adaptive LayerNorm GroupNorm RMSNorm Local Embedding
    LSTM GRU RNN Multihead Transformer Upsample Pad ZeroPad Reflection CrossEntropy MSELoss BCE NLLLoss L1Loss
    SmoothL1 KLDiv Huber Cosine
""")
)
"""Prefixes of the names of layers whose result has memory of its own."""

RANDOM = _words("""
    rand randn randint randperm rand_like randn_like randint_like normal bernoulli multinomial poisson random seed
    manual_seed initial_seed shuffle choice permutation uniform default_rng dropout dropout1d dropout2d dropout3d
    alpha_dropout feature_alpha_dropout rrelu exponential_ geometric_ cauchy_ log_normal_ normal_ uniform_ random_
    bernoulli_ empty empty_like empty_strided new_empty empty_permuted
""")
"""Names that draw random numbers, set their state, or give memory that is not initialised."""

STATEFUL = _words("""
    save load savez savetxt loadtxt fromfile tofile memmap dump genfromtxt compile jit hub cuda mps xpu distributed
    multiprocessing utils autograd backends profiler futures set_default_dtype set_default_device set_num_threads
    set_grad_enabled set_printoptions set_default_tensor_type use_deterministic_algorithms seterr setbufsize
    from_file stride_tricks lib ctypeslib DataSource core testing f2py distutils serialization package fx overrides
    open_memmap frompyfunc vectorize func _C ops library set_flush_denormal nn share_memory_ register_hook
""")
"""Names of PyTorch and NumPy that read or write files, change the state of a library, or run other code."""

PLAIN_FUNCTIONS = _words("""
    range len zip enumerate list dict tuple set sum min max abs float int bool sorted reversed round any all
    bytearray memoryview slice map filter divmod str deepcopy
""")
"""Python's functions that only compute with what they are given."""

CONTAINER_METHODS = _words("append extend insert appendleft update items values keys setdefault clear reverse")
"""Methods of lists and dicts."""

INPLACE_LAYERS = tuple(
    _words("""
    ReLU LeakyReLU RReLU ELU SELU CELU SiLU Mish Hardswish Hardsigmoid Hardtanh Threshold Dropout AlphaDropout
    FeatureAlphaDropout
""")
)
"""Prefixes of the names of layers that write to their input if they are made with `inplace=True`."""
